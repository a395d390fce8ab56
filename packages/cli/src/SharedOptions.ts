/**
 * Options that several commands share, and options whose values are checked like the setting they stand for.
 */
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import type { Setting } from "@lms-bridge/core/configuration/Settings"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"

export const json = (description: string): Options.Options<boolean> =>
  Options.boolean("json").pipe(Options.withDescription(description))

export const model: Options.Options<Option.Option<string>> = Options.text("model").pipe(
  Options.withDescription("A model by its key; without it the configured, a loaded or the best suited one."),
  Options.withPseudoName("NAME"),
  Options.optional
)

/** An option in place of a setting, with the setting's grammar and limits. */
export const setting = <A>(
  name: string,
  pseudoName: string,
  { allowed, decode }: Setting<A>,
  description: string
): Options.Options<Option.Option<A>> =>
  Options.text(name).pipe(
    Options.withDescription(description),
    Options.withPseudoName(pseudoName),
    Options.mapEffect((text) =>
      Effect.mapError(decode(text), () =>
        ValidationError.invalidValue(HelpDoc.p(`--${name} is "${text}", but must be ${allowed}.`))
      )
    ),
    Options.optional
  )

export const listingJson = json("Print the listing as JSON.")
