/** `multipleOf` in decimal arithmetic: 19.99 is a multiple of 0.01, and 1.0000000001 is not one of 1. */
import type { FuncKeywordDefinition } from "ajv"

/** Whether the decimal of `value` is an integer multiple of the decimal of `step`; false when `step` is zero. */
export const isMultiple = (value: number, step: number): boolean => {
  if (!Number.isFinite(value) || !Number.isFinite(step) || step === 0) return false
  const [a, b] = [decimal(value), decimal(step)]
  const exponent = Math.min(a.exponent, b.exponent)
  const scaled = ({ digits, exponent: own }: Decimal) => digits * 10n ** BigInt(own - exponent)
  return scaled(a) % scaled(b) === 0n
}

/** The keyword for ajv, replacing its own, which divides doubles. */
export const keyword: FuncKeywordDefinition = {
  keyword: "multipleOf",
  type: "number",
  schemaType: "number",
  compile: (step: number) => (value: number) => isMultiple(value, step),
  error: { message: ({ schema }) => `must be multiple of ${String(schema)}` }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Decimal {
  readonly digits: bigint
  readonly exponent: number
}

const decimal = (value: number): Decimal => {
  const [mantissa = "0", power = "0"] = String(value).split("e")
  const [whole = "0", fraction = ""] = mantissa.split(".")
  return { digits: BigInt(whole + fraction), exponent: Number(power) - fraction.length }
}
