/**
 * Removes the secrets of an entry from texts, in any encoding: verbatim, percent-encoded, base64 or in JSON. Pure, and
 * in one pass over the text.
 */
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import type { Launch } from "../config/Launch.ts"
import { shortest } from "./KnownTokens.ts"
import * as Secrets from "./Secrets.ts"

export interface Redaction {
  /** For messages, logs and journals: removes everything that may be a secret. */
  readonly text: (text: string) => string
  /** For what a server says to the model: removes only certain secrets, and never a word. */
  readonly said: (text: string) => string
}

/** The redaction for the secrets of an entry. */
export const make = (secrets: ReadonlyArray<Secrets.Secret>): Redaction => {
  const all = patternOf(secrets.map(({ text }) => text))
  const sure = patternOf(secrets.flatMap(({ sure: isSure, text }) => (isSure && isTold(text) ? [text] : [])))
  const without = (pattern: RegExp | undefined) => (text: string) =>
    pattern === undefined || text === "" ? text : text.replaceAll(pattern, "<redacted>")
  return { text: without(all), said: without(sure) }
}

/** Everything in an entry that may be a secret, with variables expanded. */
export const secretsOf = (launch: Launch): ReadonlyArray<Secrets.Secret> => {
  if (launch._tag === "Stdio") {
    return [
      ...Secrets.inArguments(launch.args).flat(),
      ...Object.entries(launch.env).flatMap(([name, value]) => Secrets.inVariable(name, Redacted.value(value))),
      ...Secrets.inText(launch.command)
    ]
  }
  const { clientSecret } = launch.oauth
  return [
    ...Secrets.inText(Redacted.value(launch.url)),
    ...Object.entries(launch.headers).flatMap(([name, value]) => Secrets.inHeaderValue(name, Redacted.value(value))),
    ...(clientSecret === undefined ? [] : [{ text: Redacted.value(clientSecret), sure: true }])
  ]
}

export const of = (launch: Launch): Redaction => make(secretsOf(launch))

/** The arguments in a form that may be shown to their owner: `***` for each secret. References to variables stay. */
export const shownArguments = (
  args: ReadonlyArray<string>,
  others: ReadonlyArray<Secrets.Secret> = []
): ReadonlyArray<string> => {
  const elsewhere = others.map(({ text }) => text)
  return Secrets.inArguments(args).map((own, index) =>
    masked(args[index] ?? "", [...own.map(({ text }) => text), ...elsewhere])
  )
}

/**
 * A URL in a form that may be shown to its owner: without user, password, query and fragment, and `***` for each secret
 * in its path.
 */
export const shownUrl = (url: string): string =>
  masked(
    url.replace(/^([a-z][a-z\d+.-]*:\/\/)[^/?#]*@/i, "$1").replace(/[?#].*$/s, ""),
    Secrets.inText(url).map(({ text }) => text)
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const masked = (text: string, secrets: ReadonlyArray<string>): string => {
  const pattern = patternOf(secrets)
  return pattern === undefined ? text : text.replaceAll(pattern, "***")
}

/** Too long to match by chance. Redacting a word would make the text unreadable, and the model's use of it wrong. */
const isTold = (text: string) =>
  text.length >= shortest - 2 && !/^[A-Za-z]{1,15}(?:[ ._-][A-Za-z]+)*$|^\d{1,7}$/.test(text)

/** Longest first, so that a secret that contains another one is removed as a whole. */
const patternOf = (secrets: ReadonlyArray<string>): RegExp | undefined => {
  const forms = [...new Set(secrets.flatMap(formsOf))].toSorted((one, other) => other.length - one.length)
  return forms.length === 0 ? undefined : new RegExp(forms.map(expressionOf).join("|"), "g")
}

/** Common words, which are never redacted even if an entry uses them as values. */
const everywhere = new Set(
  "node npx npm uvx uv python python3 docker bash sh cmd http https stdio mcp server tool error test user root admin host localhost name null true false none".split(
    " "
  )
)

const formsOf = (secret: string): ReadonlyArray<string> => {
  const plain = Secrets.decoded(secret)
  return [...new Set([secret, plain])].flatMap((text) =>
    text.length < 3 || everywhere.has(text.toLowerCase())
      ? []
      : [text, ...percentEncoded(text), JSON.stringify(text).slice(1, -1), ...base64Of(text)]
  )
}

/** A short secret only matches as a separate word: "abc" is not removed from "abcess". */
const expressionOf = (form: string): string => {
  const literal = form.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`)
  return form.length >= shortest - 2 ? literal : String.raw`(?<![A-Za-z\d])${literal}(?![A-Za-z\d])`
}

const percentEncoded = (text: string): ReadonlyArray<string> => {
  // half of a surrogate pair cannot be percent-encoded
  if (/\p{Surrogate}/u.test(text)) return []
  const whole = encodeURIComponent(text)
  return [whole, whole.replaceAll(/%[\dA-F]{2}/g, (code) => code.toLowerCase()), encodeURI(text)]
}

/** Base64 has three alignments; for each, the part that does not depend on neighbouring bytes is searched. */
const base64Of = (text: string): ReadonlyArray<string> => {
  if (text.length < 6) return []
  const bytes = new TextEncoder().encode(text)
  return [0, 1, 2].flatMap((before) => {
    const moved = new Uint8Array(before + bytes.length)
    moved.set(bytes, before)
    const first = Math.ceil((before * 8) / 6)
    const last = Math.floor((moved.length * 8) / 6)
    const piece = Encoding.encodeBase64(moved).slice(first, last)
    return [piece, piece.replaceAll("+", "-").replaceAll("/", "_")]
  })
}
