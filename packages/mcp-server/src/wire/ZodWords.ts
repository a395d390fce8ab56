/**
 * The errors of a zod schema as one sentence for the author of the message. Pure.
 */
import * as Predicate from "effect/Predicate"
import type { core } from "zod"
import { kindOf, oneOf, quoted } from "../Words.ts"

/** Only the first issue: the others often follow from it. */
export const sentence = (issues: ReadonlyArray<core.$ZodIssue>, message: unknown): string => {
  const [issue] = issues
  if (issue === undefined) return "The message is invalid."
  const where = `"${issue.path.map(String).join(".")}"`
  const found = issue.path.reduce<unknown>(
    (value, key) => (Predicate.isObject(value) ? Reflect.get(value, key) : undefined),
    message
  )
  if (found === undefined) return `${where} is missing.`
  switch (issue.code) {
    case "invalid_type":
      return `${where} must be ${words[issue.expected] ?? issue.expected}, not ${kindOf(found)}.`
    case "invalid_value":
      return `${where} must be ${oneOf(issue.values.map(String))}, not ${quoted(found)}.`
    default:
      return `${where} has a form that MCP does not allow: ${typeof found === "object" ? kindOf(found) : quoted(found)}.`
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const words: Readonly<Record<string, string>> = {
  string: "a string",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  object: "an object",
  record: "an object",
  array: "a list"
}
