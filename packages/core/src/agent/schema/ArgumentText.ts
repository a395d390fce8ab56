/** The object that a model wrote as the arguments of a call, before validation against a schema. */
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import { decodeJson } from "../../internal/parseJson.ts"
import { ExactNumber, kindOf } from "../../json/ExactJson.ts"
import * as Escapes from "./Escapes.ts"

export type Arguments = Readonly<Record<string, unknown>>

/** `ExactNumber` is an object only in JavaScript. */
export const isObject = (value: unknown): value is Arguments =>
  Predicate.isRecord(value) && !(value instanceof ExactNumber)

/** The object in the text, undefined for "" and `null`, or why it is not one. */
export const read = (
  text: string,
  parse: (text: string) => Either.Either<unknown, unknown>
): Either.Either<Arguments | undefined, string> => {
  const trimmed = text.trim()
  if (trimmed === "" || trimmed === "null") return Either.right(undefined)
  const parsed = parse(trimmed)
  if (Either.isLeft(parsed)) {
    return Either.left(typeof parsed.left === "string" ? parsed.left : "the arguments are not valid JSON")
  }
  // a JSON object inside a JSON string: some models encode twice
  const inner = typeof parsed.right === "string" ? readable(parsed.right) : Either.right(parsed.right)
  return Either.flatMap(inner, (value) =>
    isObject(value) ? Either.right(value) : Either.left(`the arguments must be a JSON object, but are ${kindOf(value)}`)
  )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const readable = (text: string): Either.Either<unknown, string> => {
  const value = decodeJson(text)
  return Either.isRight(value) ? Either.map(Escapes.read(text), () => value.right) : Either.right(text)
}
