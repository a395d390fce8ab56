/**
 * An answer that must be JSON of a given schema. It is extracted from the text, repaired and validated here, whatever the
 * server did with the schema.
 */
import * as Either from "effect/Either"
import { decodeJson } from "../../internal/parseJson.ts"
import { repairJson } from "./JsonRepair.ts"
import * as ToolSchema from "./ToolSchema.ts"

/** The problem of an answer that is not JSON. */
export const notJson = "it is not JSON"

/** The value of the answer, or what is wrong with it. */
export const check = (
  schema: Readonly<Record<string, unknown>>,
  answer: string
): Either.Either<unknown, ReadonlyArray<string>> => {
  const readings = [decode(answer), ...blocksOf(answer).map(decode), repaired(answer)]
  const value = readings.find(Either.isRight)
  if (value === undefined) return Either.left([notJson])
  const validator = ToolSchema.compile(schema)
  return Either.isLeft(validator)
    ? Either.left([`the schema itself cannot be used: ${validator.left}`])
    : ToolSchema.fit(validator.right, value.right)
}

/**
 * The JSON that a thinking model left in its reasoning: all of it, a single fenced block, or the end of it. Nothing is
 * repaired, since most reasoning is not an answer.
 */
export const inReasoning = (reasoning: string): ReadonlyArray<string> => {
  const text = reasoning.trim()
  const starts = [...text.matchAll(/^[ \t]*[[{]/gm)].slice(-mostStarts).map(({ index }) => text.slice(index).trim())
  return [text, ...blocksOf(text), ...starts].filter((candidate) => Either.isRight(decode(candidate)))
}

/** The answer in the reasoning, as text and as a value that fits the schema; undefined when there is none. */
export const thought = (
  schema: Readonly<Record<string, unknown>>,
  reasoning: string
): { readonly answer: string; readonly structured: unknown } | undefined => {
  for (const answer of inReasoning(reasoning)) {
    const checked = check(schema, answer)
    if (Either.isRight(checked)) return { answer, structured: checked.right }
  }
  return undefined
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** How many possible starts of an answer are tried; each is read to the end. */
const mostStarts = 20

const decode = (text: string): Either.Either<unknown, undefined> =>
  Either.mapLeft(decodeJson(text.trim()), () => undefined)

/** A single fenced block is the answer, whatever surrounds it; several blocks are ambiguous. */
const blocksOf = (text: string): ReadonlyArray<string> => {
  const lines = text.split("\n")
  const blocks: Array<string> = []
  let begun: number | undefined
  for (const [index, line] of lines.entries()) {
    const fence = line.startsWith("```") ? line.trimEnd() : ""
    if (begun === undefined) {
      if (fence === "```" || fence === "```json") begun = index + 1
    } else if (fence === "```") {
      blocks.push(lines.slice(begun, index).join("\n"))
      begun = undefined
    }
  }
  return blocks.length === 1 ? blocks : []
}

const repaired = (text: string): Either.Either<unknown, undefined> =>
  Either.flatMap(
    Either.mapLeft(repairJson(text), () => undefined),
    decode
  )
