/** The error message of a server, in any format. */
import * as Predicate from "effect/Predicate"
import * as MessageText from "./MessageText.ts"

/** `code` is JSON-RPC's, if the server sent an integer; `data` is what it sent in addition to the text. */
export interface ServerError {
  readonly code: number | undefined
  /** The whole message including data; never empty, limited in length. */
  readonly text: string
  readonly data: unknown
}

/** Reads the `error` of an answer, or whatever is in its place. */
export const read = (error: unknown): ServerError => {
  if (!Predicate.isReadonlyRecord(error)) return { code: undefined, text: bounded(wordsOf(error)), data: undefined }
  const { code, data, message, ...rest } = error
  const number = typeof code === "string" && /^-?\d{1,15}$/.test(code) ? Number(code) : code
  const isCode = typeof number === "number" && Number.isSafeInteger(number)
  const spoken = [message, ...spokenIn.map((key) => rest[key])].find(
    (text) => typeof text === "string" && text.trim() !== ""
  )
  const said = typeof spoken === "string" ? spoken : ""
  const more = [
    isCode || isNothing(code) ? "" : `[${wordsOf(code)}]`,
    typeof message === "string" || isNothing(message) ? "" : MessageText.serialize(message),
    isNothing(data) || isSaid(said, data) ? "" : isLinks(data) ? "" : wordsOf(data),
    ...Object.entries(rest).flatMap(([key, value]) =>
      isNothing(value) || isSaid(said, value) ? [] : [`${key}: ${wordsOf(value)}`]
    )
  ].filter((text) => text !== "")
  const text = said === "" && more.length === 0 ? `It gave no reason: ${MessageText.serialize(error)}` : said
  return {
    code: isCode ? number : undefined,
    text: bounded(
      [text, more.length === 0 ? "" : text === "" ? more.join(", ") : `(${more.join(", ")})`].filter(Boolean).join(" ")
    ),
    data
  }
}

/** A value that is not an answer, as it is shown to a person. */
export const shown = (came: unknown): string => bounded(wordsOf(came), 400)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const spokenIn = ["msg", "error", "detail", "details", "description", "reason", "title"]

const wordsOf = (value: unknown): string => (typeof value === "string" ? value : MessageText.serialize(value))

const isNothing = (value: unknown) =>
  value === undefined ||
  value === null ||
  value === "" ||
  (Predicate.isReadonlyRecord(value) && Object.keys(value).length === 0)

const isSaid = (said: string, value: unknown) => said !== "" && typeof value === "string" && said.includes(value)

/** Pages that have to be opened first have a message of their own. */
const isLinks = (data: unknown) => Predicate.isReadonlyRecord(data) && Array.isArray(data["elicitations"])

const bounded = (text: string, limit = 2000) => (text.length > limit ? `${text.slice(0, limit)}…` : text)
