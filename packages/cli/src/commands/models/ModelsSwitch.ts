/**
 * `models switch`: puts another model behind an alias while it is in use.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { ModelRegistry } from "@lms-bridge/core/ModelCatalog"
import {
  AliasState,
  AliasUnknown,
  aliasOf,
  type AliasNow,
  ModelSwitch,
  type CanarySide as Side,
  type SwitchPlan as Plan,
  type SwitchStep as Step,
  type Switched
} from "@lms-bridge/core/ModelLifecycle"
import { DurationText, Settings } from "@lms-bridge/core/Settings"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { UsageError } from "../../ExitCode.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import { Screen } from "../../terminal/Screen.ts"
import * as Table from "../../views/Table.ts"
import * as Words from "../../views/Words.ts"
import { progressLine } from "./ModelsLoad.ts"

const share = (text: string): Option.Option<number> => {
  const [, digits] = /^(\d{1,2}(?:\.\d+)?)\s*%$/.exec(text.trim()) ?? []
  return Option.filter(Option.fromNullable(digits === undefined ? undefined : Number(digits) / 100), (part) => part > 0)
}

export const command = Command.make("switch", {
  alias: Args.text({ name: "ALIAS" }).pipe(
    Args.withDescription("The alias, from `aliases` in your settings."),
    Args.optional
  ),
  model: Args.text({ name: "NEW" }).pipe(
    Args.withDescription("The model that is to have the name; `models ls` lists them."),
    Args.optional
  ),
  canary: SharedOptions.checked({
    name: "canary",
    pseudoName: "SHARE",
    description:
      "Send only this share of new requests to the new model at first. If it fails too often, the old one gets the name back; else the new one has it after --canary-runs.",
    decode: share,
    allowed: "a share such as 20%, more than 0% and less than 100%"
  }),
  canaryRuns: SharedOptions.checked({
    name: "canary-runs",
    pseudoName: "N",
    description: "How many runs on the new model end a canary (20).",
    decode: Schema.decodeUnknownOption(Schema.NumberFromString.pipe(Schema.int(), Schema.positive())),
    allowed: "a whole number of runs"
  }),
  patience: SharedOptions.checked({
    name: "patience",
    pseudoName: "DURATION",
    description: "How long to wait for the old model's runs (10m).",
    decode: DurationText.read,
    allowed: "a duration: `90s`, `10m`, `1h`"
  }),
  dryRun: Options.boolean("dry-run").pipe(Options.withDescription("Say what would be done, and do nothing.")),
  status: Options.boolean("status").pipe(
    Options.withDescription("Show what each alias, or ALIAS, stands for, and what a canary has shown.")
  ),
  json: SharedOptions.json("Print the result as JSON.")
}).pipe(
  Command.withDescription("Put another model behind an alias while it is in use; no request is lost."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ alias, canary, canaryRuns, dryRun, json, model, patience, status }) {
      const screen = yield* Screen
      const switches = yield* ModelSwitch
      if (status) {
        if (Option.isSome(model)) return yield* new UsageError({ problem: "--status takes no NEW model." })
        const all = yield* switches.aliases
        const wanted = yield* chosen(all, alias)
        if (json) return yield* screen.out(encodeStatus(wanted))
        if (wanted.length > 0) return yield* screen.out(renderStatus(wanted, screen.columns))
        return yield* screen.err(
          `There are no aliases. \`lms-bridge config set aliases '{"coder": "qwen/qwen3-8b"}'\` adds one.`
        )
      }
      if (Option.isNone(alias) || Option.isNone(model) || alias.value.trim() === "" || model.value.trim() === "") {
        const problem = "Name the ALIAS and the NEW model, or use --status."
        return yield* new UsageError({ problem })
      }
      if (Option.isSome(canaryRuns) && Option.isNone(canary)) {
        return yield* new UsageError({ problem: "--canary-runs belongs to --canary." })
      }
      if (dryRun) {
        const plan = yield* switches.plan(alias.value, model.value)
        return yield* screen.out(json ? encodePlan(plan) : renderPlan(plan, Option.isSome(canary)))
      }
      const registry = yield* ModelRegistry
      const tell = (text: string) =>
        Effect.suspend(() => {
          const line = Words.oneLine(text, screen.width - 1)
          return screen.stderrIsTerminal ? screen.status(line) : screen.err(line)
        })
      const result = yield* switches
        .run(alias.value, model.value, {
          ...(Option.isSome(canary)
            ? { canary: { share: canary.value, runs: Option.getOrElse(canaryRuns, () => 20) } }
            : {}),
          patience: Option.getOrElse(patience, () => Duration.minutes(10)),
          // what is known of it, or what a few requests show
          verify: (lease) =>
            Effect.asVoid(
              registry.form(lease, {
                limit: Duration.minutes(5),
                onTrial: (what) => tell(`Trying ${what}`)
              })
            ),
          onProgress: (progress) => tell(progressLine(progress)),
          onStep: (step) => tell(stepLine(step))
        })
        .pipe(Effect.ensuring(screen.status("")))
      yield* screen.out(json ? encodeSwitched(result) : render(result))
    })
  ),
  Command.provide(ModelSwitch.layer)
)

export const render = ({ alias, from, millis, old, to, way }: Switched): string => {
  switch (way) {
    case "none":
      return `${alias} is ${to} already.`
    case "canary":
      return `A share of the requests for ${alias} goes to ${to} now. \`lms-bridge models switch --status ${alias}\` shows how it does.`
    default:
      return [
        `${alias} is ${to} now (${Words.duration(millis)}${way === "one" ? ", new requests waited meanwhile" : ""}).`,
        {
          unloaded: `${from} is unloaded.`,
          stays: `${from} stays in memory: you loaded it, or another alias stands for it.`,
          "in use": `${from} is still in use; it is unloaded when its last run ends.`
        }[old]
      ].join(" ")
  }
}

export const renderPlan = (plan: Plan, canary: boolean): string => {
  const { alias, done, fits, from, holds, loaded, to } = plan
  if (done) return `${alias} is ${to} already.`
  const memory = loaded
    ? `${to} is in memory.`
    : fits === undefined
      ? `${to} would be loaded; whether it fits beside ${from} is not known here.`
      : fits
        ? `${to} would be loaded beside ${from}.`
        : canary
          ? `${to} does not fit beside ${from}, which a canary needs.`
          : `${to} does not fit beside ${from}: new requests would wait until the old model's runs have ended.`
  const use = holds === 0 ? `${from} is not in use.` : `${from} is in use, and would be let go after its last run.`
  return [`${alias} would become ${to} instead of ${from}.`, memory, use].join(" ")
}

export const renderStatus = (all: ReadonlyArray<AliasNow>, columns?: number): string =>
  [
    Table.render(
      ["ALIAS", "MODEL", "SETTINGS", "STATE"],
      all.map(({ alias, model, setting, state }) => [
        alias,
        model,
        setting === model ? "" : setting,
        state === undefined ? "" : stateLine(state)
      ]),
      columns
    ),
    ...all.flatMap(({ sides, state }) =>
      sides === undefined || state === undefined
        ? []
        : [
            "",
            Table.render(
              ["SIDE", "RUNS", "FAILED", "PER REQUEST", "TOKENS/S"],
              [row(state.from, sides.old), row(state.to, sides.new)]
            )
          ]
    )
  ].join("\n")

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const chosen = (all: ReadonlyArray<AliasNow>, name: Option.Option<string>) =>
  Option.match(name, {
    onNone: () => Effect.succeed(all),
    onSome: (wanted) =>
      Effect.flatMap(Settings, ({ aliases }) => {
        const alias = aliasOf(aliases, wanted)
        const found = all.filter((one) => one.alias === alias?.name)
        return found.length > 0
          ? Effect.succeed(found)
          : Effect.fail(new AliasUnknown({ alias: wanted, known: all.map((one) => one.alias) }))
      })
  })

const stepLine = (step: Step): string => {
  switch (step._tag) {
    case "Loading":
      return `Loading ${step.model}${step.beside ? " beside the old model" : ""}`
    case "Trying":
      return `Trying ${step.model}`
    case "Waiting":
      return `Waiting for the runs on ${step.model}`
    case "Taken":
      return step.share === 1
        ? `New requests get ${step.model}`
        : `${Math.round(step.share * 100)} % of new requests get ${step.model}`
  }
}

const stateLine = (state: AliasState): string => {
  switch (state._tag) {
    case "Waiting":
      return `requests wait for ${state.to}`
    case "Canary":
      return `${Math.round(state.share * 100)} % get ${state.to}, until ${state.runs} runs on it have ended`
    case "Switched":
      return `switched from ${state.from}${state.leaving ? ", which is still in use" : ""}`
    case "Returned":
      return `back from ${state.to}: ${state.reason}`
  }
}

const row = (model: string, { failed, perRequest, runs, tokensPerSecond }: Side) => [
  model,
  String(runs),
  runs === 0 ? "" : `${failed} (${Math.round((failed / runs) * 100)} %)`,
  perRequest === undefined ? "" : Words.duration(perRequest),
  tokensPerSecond === undefined ? "" : tokensPerSecond.toFixed(1)
]

const planFields = {
  alias: Schema.String,
  from: Schema.String,
  to: Schema.String,
  done: Schema.Boolean,
  loaded: Schema.Boolean,
  fits: Schema.UndefinedOr(Schema.Boolean),
  holds: Schema.Int
}
const SideJson = Schema.Struct({
  runs: Schema.Int,
  failed: Schema.Int,
  perRequest: Schema.UndefinedOr(Schema.Number),
  tokensPerSecond: Schema.UndefinedOr(Schema.Number),
  problem: Schema.UndefinedOr(Schema.String)
})

const encodePlan = Schema.encodeSync(Schema.parseJson(Schema.Struct(planFields)))
const encodeSwitched = Schema.encodeSync(
  Schema.parseJson(
    Schema.Struct({
      ...planFields,
      way: Schema.Literal("both", "one", "canary", "none"),
      old: Schema.Literal("unloaded", "stays", "in use"),
      millis: Schema.Number
    })
  )
)
const encodeStatus = Schema.encodeSync(
  Schema.parseJson(
    Schema.Array(
      Schema.Struct({
        alias: Schema.String,
        model: Schema.String,
        setting: Schema.String,
        instead: Schema.Array(Schema.String),
        state: Schema.UndefinedOr(AliasState),
        sides: Schema.UndefinedOr(Schema.Struct({ old: SideJson, new: SideJson }))
      })
    )
  )
)
