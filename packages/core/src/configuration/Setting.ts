/**
 * The kinds of settings: how the text of an environment variable becomes a value, and what a person is told about it.
 */
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as DurationText from "./DurationText.ts"

/** One variable: how it is decoded, what it is when unset, and what to tell a person about it. */
export interface Setting<A> {
  readonly variable: string
  /** The predecessor's name for it, which is read with a warning where `variable` is not set. */
  readonly formerly?: string
  /** How it is written in a settings file. */
  readonly json: Schema.Schema.AnyNoContext
  /** Whether its value is never shown. */
  readonly secret?: boolean
  /** None when the text cannot be used. */
  readonly decode: (text: string) => Option.Option<A>
  /** The decoded default. */
  readonly fallback: A
  /** The default as a person would write it; "" where there is none. */
  readonly shown: string
  readonly allowed: string
  readonly description: string
}

export const setting = <A, I extends string>({
  json = Schema.String,
  schema,
  ...rest
}: Omit<Setting<A>, "decode" | "json"> & {
  readonly json?: Schema.Schema.AnyNoContext
  readonly schema: Schema.Schema<A, I>
}): Setting<A> => ({
  ...rest,
  json,
  decode: Schema.decodeUnknownOption(schema)
})

/** `"90s"`, or a number of seconds. */
export const jsonDuration = Schema.Union(Schema.String, Schema.Number.pipe(Schema.nonNegative()))

/** A duration as a person writes it. */
export const duration = Schema.String.pipe(
  Schema.transformOrFail(Schema.DurationFromSelf, {
    strict: true,
    decode: (text, _, ast) =>
      Either.fromOption(
        /^\s*\d+(\.\d+)?\s*$/.test(text) ? Option.some(Duration.seconds(Number(text))) : DurationText.read(text),
        () => new ParseResult.Type(ast, text, "not a duration")
      ),
    encode: (value) => Either.right(`${Duration.toSeconds(value)}`)
  })
)

export const durationSetting = (variable: string, fallback: string, description: string, least?: string) =>
  setting({
    variable,
    schema: least === undefined ? duration : duration.pipe(Schema.greaterThanOrEqualToDuration(durationOf(least))),
    json: jsonDuration,
    fallback: durationOf(fallback),
    shown: fallback,
    allowed: `a duration${least === undefined ? "" : ` of at least ${least}`}: \`90s\`, \`10m\`, \`1h\`, or a number of seconds`,
    description
  })

export const intSetting = (variable: string, fallback: number, range: readonly [number, number], description: string) =>
  setting({
    variable,
    schema: Schema.NumberFromString.pipe(Schema.int(), Schema.between(...range)),
    json: Schema.Number.pipe(Schema.int(), Schema.between(...range)),
    fallback,
    shown: String(fallback),
    allowed: `a whole number from ${range[0]} to ${range[1]}`,
    description
  })

export const optionalText = (variable: string, description: string) =>
  setting({
    variable,
    schema: Schema.transform(Schema.String, Schema.OptionFromSelf(Schema.String), {
      strict: true,
      decode: (text) => (text.trim() === "" ? Option.none() : Option.some(text.trim())),
      encode: (value) => Option.getOrElse(value, () => "")
    }),
    fallback: Option.none<string>(),
    shown: "",
    allowed: "text",
    description
  })

export const flag = (variable: string, fallback: boolean, description: string) =>
  setting({
    variable,
    schema: Schema.transform(Schema.Literal("true", "1", "yes", "false", "0", "no"), Schema.Boolean, {
      strict: true,
      decode: (text) => text === "true" || text === "1" || text === "yes",
      encode: (value) => (value ? "true" : "false")
    }),
    json: Schema.Boolean,
    fallback,
    shown: String(fallback),
    allowed: "`true` or `false`",
    description
  })

export const choice = <const L extends ReadonlyArray<string>>(
  variable: string,
  allowed: L,
  fallback: L[number],
  description: string
) =>
  setting({
    variable,
    schema: Schema.String.pipe(
      Schema.filter((text): text is L[number] => allowed.includes(text), {
        message: () => "not one of the allowed values"
      })
    ),
    json: Schema.Literal(...allowed),
    fallback,
    shown: fallback,
    allowed: allowed.map((value) => `\`${value}\``).join(", "),
    description
  })

/** The characters that a header value may have. */
const header = /^[\x21-\x7e]*$/

export const secret = (variable: string, allowed: string, description: string, pattern = header) =>
  setting({
    variable,
    schema: Schema.transform(
      Schema.Trim.pipe(Schema.pattern(pattern)),
      Schema.OptionFromSelf(Schema.RedactedFromSelf(Schema.String)),
      {
        strict: true,
        decode: (text) => (text === "" ? Option.none() : Option.some(Redacted.make(text))),
        encode: () => "<redacted>"
      }
    ),
    secret: true,
    fallback: Option.none<Redacted.Redacted>(),
    shown: "",
    allowed,
    description
  })

/** An address, without trailing slashes. */
export const httpUrl = Schema.transform(
  Schema.String.pipe(
    Schema.filter((text) => /^https?:\/\/[^/?#\s]+[^?#\s]*$/.test(text.trim()) && URL.canParse(text.trim()))
  ),
  Schema.OptionFromSelf(Schema.String),
  {
    strict: true,
    decode: (text) => Option.some(text.trim().replace(/\/+$/, "")),
    encode: (value) => Option.getOrElse(value, () => "")
  }
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const durationOf = (text: string) => Option.getOrElse(DurationText.read(text), () => Duration.zero)
