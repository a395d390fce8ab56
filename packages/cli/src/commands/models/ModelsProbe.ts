/**
 * `models probe`: tries what models can do and how fast they are here, three trials each, and keeps what it finds.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import { ToolForm } from "@lms-bridge/core/AgentLoop"
import { EvidenceRow, formOf, Known, ModelRegistry, type Probed } from "@lms-bridge/core/ModelCatalog"
import { ModelLifecycle } from "@lms-bridge/core/ModelLifecycle"
import { optional } from "@lms-bridge/core/Json"
import { table } from "@lms-bridge/core/Settings"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Ended, ofFailure } from "../../ExitCode.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import { Screen } from "../../terminal/Screen.ts"
import * as FoundOut from "../../views/FoundOut.ts"
import * as Words from "../../views/Words.ts"
import { progressLine } from "./ModelsLoad.ts"

export const command = Command.make("probe", {
  names: Args.text({ name: "NAME" }).pipe(
    Args.withDescription("The models' keys; by default the one that a run would use."),
    Args.repeated
  ),
  limit: SharedOptions.setting(
    "limit",
    "DURATION",
    table.runTimeout,
    "Maximum time for each model; what there is no time for is not tried. Default: 3m."
  ),
  json: SharedOptions.json("Print what was found as JSON, one line for each model.")
}).pipe(
  Command.withDescription(
    "Try what models can do and how fast they are here, and keep it. Never beside a run of somebody."
  ),
  Command.withHandler(
    Effect.fnUntraced(function* ({ json, limit, names }) {
      const screen = yield* Screen
      const lifecycle = yield* ModelLifecycle
      // a name that means nothing is said before minutes have passed
      const models =
        names.length === 0
          ? [yield* lifecycle.resolve(undefined, "chat")]
          : [...new Set(yield* Effect.forEach(names, (name) => lifecycle.resolve(name)))]
      const failed: Array<{ readonly _tag: string }> = []
      for (const [index, model] of models.entries()) {
        const tried = yield* Effect.either(probe(model, limit))
        if (Either.isLeft(tried)) {
          if (models.length === 1) return yield* tried.left
          failed.push(tried.left)
          yield* screen.err(`lms-bridge: ${model}: ${tried.left.message}`)
          continue
        }
        if (Object.keys(tried.right.row.evidence).length === 0) failed.push({ _tag: "NothingFound" })
        yield* screen.out(json ? encode(shown(tried.right)) : `${index === 0 ? "" : "\n"}${render(tried.right)}`)
      }
      const [first] = failed
      if (first !== undefined) return yield* new Ended({ code: ofFailure(first) })
    })
  )
)

export const render = (probed: Probed, columns?: number): string => {
  const { model, millis, requests, row, untried } = probed
  const took = `${Words.count(requests, "request")} in ${Words.duration(millis)}`
  if (Object.keys(row.evidence).length === 0) {
    return `${model}: nothing was found in ${Words.duration(millis)}, so slow is it now. --limit gives more time.`
  }
  return [
    `${model}: ${headline(row)} (${took})`,
    "",
    FoundOut.render(Known.ofRow(row), columns),
    ...(untried.length === 0 ? [] : ["", `Not tried, for want of time: ${untried.join(", ")}. --limit gives more.`])
  ].join("\n")
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const isEmbedding = ({ evidence }: EvidenceRow) => evidence["embeddings"] !== undefined

const shown = (probed: Probed) => (isEmbedding(probed.row) ? probed : { ...probed, calls: formOf(probed.row) })

const headline = (row: EvidenceRow): string => {
  if (!isEmbedding(row)) {
    const { form, why } = formOf(row)
    return `calls are ${form}. ${why}`
  }
  const { detail, holds, trials = 0, value = 0 } = row.evidence["embeddings"] ?? {}
  return `${holds === true ? "it embeds texts" : "it is of no use for embeddings"}, ${value} of ${trials} trials${detail === undefined ? "" : `: ${detail.replace(/\.$/, "")}`}.`
}

const probe = Effect.fnUntraced(function* (model: string, limit: Option.Option<Duration.Duration>) {
  const screen = yield* Screen
  const registry = yield* ModelRegistry
  let tried = 0
  let done = 0
  const tell = (text: string) =>
    Effect.suspend(() => {
      const line = Words.oneLine(text, screen.width - 1)
      return screen.stderrIsTerminal ? screen.status(line) : screen.err(line)
    })
  return yield* registry
    .probe(model, {
      limit: Option.getOrUndefined(limit),
      onProgress: (progress) => tell(progressLine(progress)),
      onTrial: (what) => Effect.suspend(() => tell(`${model}: trying ${what} (${++tried})`)),
      onFound: ({ evidence }) => Effect.sync(() => void (done = Object.keys(evidence).length))
    })
    .pipe(
      Effect.ensuring(screen.status("")),
      Effect.onInterrupt(() =>
        done === 0
          ? Effect.void
          : screen.err(`lms-bridge: what was found of ${model} is kept; \`lms-bridge models show ${model}\` shows it.`)
      )
    )
})

const encode = Schema.encodeSync(
  Schema.parseJson(
    Schema.Struct({
      model: Schema.String,
      calls: optional(Schema.Struct({ form: ToolForm, why: Schema.String })),
      requests: Schema.Int,
      untried: Schema.Array(Schema.String),
      millis: Schema.Number,
      row: EvidenceRow
    })
  )
)
