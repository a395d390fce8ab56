/**
 * The options of `eval`: what is compared, how often, and where recordings and reports are. Lists are separated by commas.
 */
import * as Args from "@effect/cli/Args"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import { ToolForm } from "@lms-bridge/core/AgentLoop"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as RunOptions from "../../options/RunOptions.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"

/** Values that are compared side by side. */
const compared = <A, I extends string>(option: {
  readonly name: string
  readonly description: string
  readonly schema: Schema.Schema<A, I>
  readonly allowed: string
}): Options.Options<ReadonlyArray<A>> => {
  const decode = Schema.decodeUnknownOption(Schema.Array(option.schema))
  return Options.text(option.name).pipe(
    Options.withDescription(`${option.description}; several with commas are compared.`),
    Options.withPseudoName("LIST"),
    Options.repeated,
    Options.mapEffect((lists) => {
      const words = Option.getOrElse(RunOptions.names(lists), () => [])
      return lists.length > 0 && words.length === 0
        ? Effect.fail(ValidationError.invalidValue(HelpDoc.p(`--${option.name} is empty. Leave it out, or name some.`)))
        : Effect.mapError(decode(words), () =>
            ValidationError.invalidValue(
              HelpDoc.p(`--${option.name} is "${words.join(",")}", but each must be ${option.allowed}.`)
            )
          )
    })
  )
}

const folder = (name: string, description: string) =>
  Options.text(name).pipe(Options.withDescription(description), Options.withPseudoName("DIR"), Options.optional)

export const options = {
  tasks: Args.text({ name: "DIR" }).pipe(
    Args.withDescription("A folder of tasks, or one of them: files in YAML or JSON, as docs/eval.md describes them."),
    Args.optional
  ),
  model: compared({
    name: "model",
    description: "The model's key; by default the one that a run would use",
    schema: Schema.String,
    allowed: "a model"
  }),
  toolForm: compared({
    name: "tool-form",
    description: `How the model makes its calls: ${ToolForm.literals.map((form) => `\`${form}\``).join(", ")}`,
    schema: ToolForm,
    allowed: `one of ${ToolForm.literals.join(", ")}`
  }),
  contextLength: compared({
    name: "context-length",
    description: "Minimum context of the model in tokens",
    schema: Schema.NumberFromString.pipe(Schema.int(), Schema.positive()),
    allowed: "a whole number of tokens"
  }),
  temperature: compared({
    name: "temperature",
    description: "The sampling temperature",
    schema: Schema.NumberFromString.pipe(Schema.between(0, 2)),
    allowed: "a number from 0 to 2"
  }),
  times: SharedOptions.checked({
    name: "times",
    pseudoName: "N",
    description: "How often each task is tried. Default: once.",
    decode: Schema.decodeUnknownOption(Schema.NumberFromString.pipe(Schema.int(), Schema.between(1, 1000))),
    allowed: "a whole number from 1 to 1000"
  }),
  record: folder("record", "Record each trial below this folder, without anything that looks like a secret."),
  replay: folder("replay", "Take the trials from recordings below this folder, without a model and servers."),
  report: Options.text("report").pipe(
    Options.withDescription("Also write a report in Markdown to this file."),
    Options.withPseudoName("FILE"),
    Options.optional
  ),
  json: SharedOptions.json("Print all trials and their sums as JSON."),
  schema: Options.boolean("schema").pipe(
    Options.withDescription("Print the JSON Schema of a task file, for editors, and do nothing else.")
  ),
  standIn: SharedOptions.standIn
}
