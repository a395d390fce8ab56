/**
 * One field of an elicitation form: its question in one line, and the value of a typed line.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { optional } from "@lms-bridge/core/Json"
import * as Words from "../views/Words.ts"

export type Value = string | number | boolean | ReadonlyArray<string>

/** `value` is undefined for a field that is left out. */
export type Read =
  | { readonly _tag: "Fit"; readonly value: Value | undefined }
  | { readonly _tag: "Unfit"; readonly why: string }

export interface FormField {
  readonly name: string
  readonly required: boolean
  readonly question: string
  readonly read: (line: string) => Read
}

/** `schema` is one of those that MCP allows in a form; any other is asked for as text. */
export const make = (name: string, schema: unknown, required: boolean): FormField => {
  const field = Option.getOrElse(decode(schema), (): Field => ({ type: "string" }))
  const choices = choicesOf(field)
  const { default: preset } = field
  const about = Words.oneLine(
    [field.title ?? name, field.description].filter((text) => text !== undefined).join(": "),
    300
  )
  const options = choices.map(({ shown }, index) => `\n  ${index + 1}  ${Words.oneLine(shown, 100)}`).join("")
  const hint = [
    ...(choices.length > 0 ? [field.type === "array" ? "numbers, comma-separated" : "a number"] : []),
    ...(field.type === "boolean" ? ["y or n"] : []),
    ...(preset === undefined ? (required ? [] : ["may be empty"]) : [`empty for ${shownPreset(preset)}`])
  ]
  return {
    name,
    required,
    question: `${about}${hint.length === 0 ? "" : ` (${hint.join("; ")})`}${options}`,
    read: (line) => {
      if (line === "") {
        if (preset !== undefined) return fit(preset)
        return required && field.type !== "string" ? unfit("A value is required.") : fit(required ? "" : undefined)
      }
      return choices.length > 0 ? chosen(line, choices, field.type === "array") : typed(line, field)
    }
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const titled = Schema.Array(Schema.Struct({ const: Schema.String, title: optional(Schema.String) }))

const Field = Schema.Struct({
  type: Schema.Literal("string", "number", "integer", "boolean", "array"),
  title: optional(Schema.String),
  description: optional(Schema.String),
  default: optional(Schema.Union(Schema.String, Schema.Number, Schema.Boolean, Schema.Array(Schema.String))),
  minimum: optional(Schema.Number),
  maximum: optional(Schema.Number),
  minLength: optional(Schema.Number),
  maxLength: optional(Schema.Number),
  enum: optional(Schema.Array(Schema.String)),
  enumNames: optional(Schema.Array(Schema.String)),
  oneOf: optional(titled),
  items: optional(Schema.Struct({ enum: optional(Schema.Array(Schema.String)), anyOf: optional(titled) }))
})
type Field = typeof Field.Type

const decode = Schema.decodeUnknownOption(Field)

interface Choice {
  readonly value: string
  readonly shown: string
}

const choicesOf = ({ enum: plain, enumNames, items, oneOf }: Field): ReadonlyArray<Choice> => {
  const named = oneOf ?? items?.anyOf
  if (named !== undefined) return named.map(({ const: value, title }) => ({ value, shown: title ?? value }))
  return (plain ?? items?.enum ?? []).map((value, index) => ({ value, shown: enumNames?.[index] ?? value }))
}

const shownPreset = (preset: Value) => Words.oneLine(Array.isArray(preset) ? preset.join(", ") : String(preset), 60)

const fit = (value: Value | undefined): Read => ({ _tag: "Fit", value })

const unfit = (why: string): Read => ({ _tag: "Unfit", why })

/** By number, or by the text of the choice. */
const chosen = (line: string, choices: ReadonlyArray<Choice>, several: boolean): Read => {
  const words = several ? line.split(",").map((word) => word.trim()) : [line]
  const values = words.map(
    (word) =>
      choices[Number(word) - 1]?.value ?? choices.find(({ shown, value }) => word === value || word === shown)?.value
  )
  const known = values.filter((value) => value !== undefined)
  if (known.length < values.length) return unfit(`Give a number from 1 to ${choices.length}.`)
  return several ? fit(known) : fit(known[0])
}

const typed = (line: string, field: Field): Read => {
  switch (field.type) {
    case "boolean":
      return /^(y|yes|true)$/i.test(line)
        ? fit(true)
        : /^(n|no|false)$/i.test(line)
          ? fit(false)
          : unfit("Answer with y or n.")
    case "number":
    case "integer": {
      const value = Number(line)
      const isWhole = field.type === "number" || Number.isInteger(value)
      if (!Number.isFinite(value) || !isWhole) return unfit(`Give a ${field.type === "integer" ? "whole " : ""}number.`)
      return field.minimum !== undefined && value < field.minimum
        ? unfit(`It must be at least ${field.minimum}.`)
        : field.maximum !== undefined && value > field.maximum
          ? unfit(`It must be at most ${field.maximum}.`)
          : fit(value)
    }
    default: {
      const length = Array.from(line).length
      return field.minLength !== undefined && length < field.minLength
        ? unfit(`It must have at least ${field.minLength} characters.`)
        : field.maxLength !== undefined && length > field.maxLength
          ? unfit(`It must have at most ${field.maxLength} characters.`)
          : fit(line)
    }
  }
}
