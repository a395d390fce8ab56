/**
 * Options that several commands share, and options with checked values.
 */
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import type { Setting } from "@lms-bridge/core/Settings"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

export const json = (description: string): Options.Options<boolean> =>
  Options.boolean("json").pipe(Options.withDescription(description))

export const listingJson = json("Print the list as JSON.")

export const model: Options.Options<Option.Option<string>> = Options.text("model").pipe(
  Options.withDescription(
    "The model's key or an alias, or `auto`, `auto:fast`, `auto:best`, `auto:vision`: by what was tried here. Default: the configured model, a loaded one, or the best suited one."
  ),
  Options.withPseudoName("NAME"),
  Options.optional
)

export interface Checked<A> {
  readonly name: string
  readonly pseudoName: string
  readonly description: string
  /** None for an invalid text. */
  readonly decode: (text: string) => Option.Option<A>
  /** Ends the sentence "--name is ..., but must be". */
  readonly allowed: string
}

export const checked = <A>(option: Checked<A>): Options.Options<Option.Option<A>> =>
  Options.text(option.name).pipe(
    Options.withDescription(described(option)),
    Options.withPseudoName(option.pseudoName),
    Options.mapEffect((text) =>
      Effect.mapError(option.decode(text), () =>
        ValidationError.invalidValue(HelpDoc.p(`--${option.name} is "${text}", but must be ${option.allowed}.`))
      )
    ),
    Options.optional
  )

/** An option that overrides a setting, with the setting's grammar and limits. */
export const setting = <A>(
  name: string,
  pseudoName: string,
  { allowed, decode }: Setting<A>,
  description: string
): Options.Options<Option.Option<A>> => checked({ name, pseudoName, description, decode, allowed })

export const standIn = checked({
  name: "stand-in",
  pseudoName: "WHEN",
  description:
    "When to use a rule-based stand-in for LM Studio: `never` (the default), `auto` (if LM Studio does not answer) or `always`.",
  decode: Schema.decodeUnknownOption(Schema.Literal("never", "auto", "always")),
  allowed: "never, auto or always"
}).pipe(Options.map(Option.getOrElse(() => "never" as const)))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** The description, and the allowed values where it does not list them. */
function described({ allowed, description }: Pick<Checked<unknown>, "allowed" | "description">): string {
  return /`\w+`/.test(description)
    ? description
    : `${description} ${allowed.charAt(0).toUpperCase()}${allowed.slice(1)}.`
}
