/**
 * An answer that has to be JSON of a given schema: taken out of the text, mended and validated here, whatever the server
 * did with the schema.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import { decodeJson } from "../internal/parseJson.ts"
import { repairJson } from "./JsonRepair.ts"
import * as ToolSchema from "./ToolSchema.ts"

/**
 * The value that the answer stands for, or what is wrong with it.
 *
 * @since 0.1.0
 * @category combinators
 */
export const check = (
  schema: Readonly<Record<string, unknown>>,
  answer: string
): Either.Either<unknown, ReadonlyArray<string>> => {
  const readings = [decode(answer), ...blocksOf(answer).map(decode), repaired(answer)]
  const value = readings.find(Either.isRight)
  if (value === undefined) return Either.left(["it is not JSON"])
  const validator = ToolSchema.compile(schema)
  return Either.isLeft(validator)
    ? Either.left([`the schema itself cannot be used: ${validator.left}`])
    : ToolSchema.fit(validator.right, value.right)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const decode = (text: string): Either.Either<unknown, undefined> =>
  Either.mapLeft(decodeJson(text.trim()), () => undefined)

/** A single fenced block is the answer, whatever is said around it; of several nobody knows which. */
const blocksOf = (text: string): ReadonlyArray<string> => {
  const blocks = [...text.matchAll(/^```(?:json)?[ \t]*\n([\s\S]*?)\n```[ \t]*$/gm)].map((match) => match[1] ?? "")
  return blocks.length === 1 ? blocks : []
}

const repaired = (text: string): Either.Either<unknown, undefined> => Either.flatMap(repairJson(text), decode)
