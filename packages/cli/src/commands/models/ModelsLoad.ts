/**
 * `models load` and `models ensure`: load a model with an idle limit, and verify it.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { Settings, table } from "@lms-bridge/core/Settings"
import { Ensured, type EnsureOptions, type LoadProgress, ModelLifecycle } from "@lms-bridge/core/ModelLifecycle"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { UsageError } from "../../ExitCode.ts"
import { Screen } from "../../terminal/Screen.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import * as Words from "../../views/Words.ts"

const GpuShare = Schema.Union(Schema.Literal("off", "max"), Schema.NumberFromString.pipe(Schema.between(0, 1)))

export const contextLength = (description: string) =>
  SharedOptions.checked({
    name: "context-length",
    pseudoName: "N",
    description,
    decode: Schema.decodeUnknownOption(Schema.NumberFromString.pipe(Schema.int(), Schema.positive())),
    allowed: "a whole number of tokens"
  })

export const options = {
  ttl: SharedOptions.setting(
    "ttl",
    "DURATION",
    table.ttl,
    `Idle time after which the model is unloaded, at most ${table.ttlMaximum.variable} (${table.ttlMaximum.shown}). Default: ${table.ttl.variable} (${table.ttl.shown}).`
  ),
  contextLength: contextLength(
    "Minimum context in tokens. A model that lms-bridge loaded with less is reloaded when it is idle."
  ),
  gpu: SharedOptions.checked({
    name: "gpu",
    pseudoName: "SHARE",
    description: "Share of the model's layers on the GPU: `off`, `max`, or a number from 0 to 1.",
    decode: Schema.decodeUnknownOption(GpuShare),
    allowed: "off, max, or a number from 0 to 1"
  }),
  parallel: SharedOptions.checked({
    name: "parallel",
    pseudoName: "N",
    description: "How many requests the model handles at the same time.",
    decode: Schema.decodeUnknownOption(Schema.NumberFromString.pipe(Schema.int(), Schema.positive())),
    allowed: "a whole number of requests"
  }),
  identifier: Options.text("identifier").pipe(
    Options.withDescription("Your own name for the instance."),
    Options.withPseudoName("ID"),
    Options.optional
  ),
  makeRoom: Options.boolean("make-room").pipe(
    Options.withDescription("When memory is short, unload idle models that lms-bridge loaded, oldest first.")
  ),
  fallback: Options.text("fallback").pipe(
    Options.withDescription("A model to load when this one cannot be loaded; several are tried in order."),
    Options.withPseudoName("NAME"),
    Options.repeated
  ),
  temporary: Options.boolean("temporary").pipe(
    Options.withDescription("For short use: the default idle time is shorter.")
  ),
  json: SharedOptions.json("Print the result as JSON.")
}

export const load = Command.make("load", {
  name: Args.text({ name: "NAME" }).pipe(Args.withDescription("The model's key; `models ls` lists them.")),
  ...options
}).pipe(
  Command.withDescription("Load a model unless it is already loaded."),
  Command.withHandler(({ name, ...options }) => ensureLoaded(name, options))
)

export const ensure = Command.make("ensure", {
  name: Args.text({ name: "NAME" }).pipe(
    Args.withDescription("The model's key; by default the configured model, a loaded one, or the best suited one."),
    Args.optional
  ),
  ...options
}).pipe(
  Command.withDescription("Make sure that a model is loaded and ready for use."),
  Command.withHandler(({ name, ...options }) => ensureLoaded(Option.getOrUndefined(name), options))
)

export const render = (ensured: Ensured): string =>
  [
    `${ensured.instanceId}${ensured.host === undefined ? "" : ` on ${ensured.host}`} is ${ensured.action === "already-loaded" ? "already loaded" : ensured.action}`,
    ...(ensured.action === "already-loaded" ? [] : [`in ${Words.duration(ensured.tookMillis)}`]),
    `(${[
      ...(ensured.contextLength === undefined ? [] : [`context ${ensured.contextLength}`]),
      ensured.ttlMillis === undefined
        ? "idle limit unknown"
        : `unloaded after ${Words.duration(ensured.ttlMillis)} idle`,
      ...(ensured.owner === "user" ? ["loaded by you"] : [])
    ].join(", ")})`
  ].join(" ")

export const progressLine = (progress: LoadProgress): string => {
  switch (progress._tag) {
    case "Waiting":
      return `${progress.model}: waiting, ${progress.why}`
    case "Loading":
      return `${progress.model}: loading${progress.progress === undefined ? "" : ` ${Math.round(progress.progress * 100)} %`}`
    case "Verifying":
      return `${progress.model}: verifying`
    case "SteppedDown":
      return `${progress.model}: ${progress.reason} Trying ${progress.to}.`
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface LoadOptions {
  readonly ttl: Option.Option<Duration.Duration>
  readonly contextLength: Option.Option<number>
  readonly gpu: Option.Option<"off" | "max" | number>
  readonly parallel: Option.Option<number>
  readonly identifier: Option.Option<string>
  readonly fallback: ReadonlyArray<string>
  readonly makeRoom: boolean
  readonly temporary: boolean
  readonly json: boolean
}

const ensureLoaded = Effect.fnUntraced(function* (name: string | undefined, options: LoadOptions) {
  const screen = yield* Screen
  const { ttlMaximum } = yield* Settings
  if (name?.trim() === "") {
    return yield* new UsageError({ problem: "The NAME of the model is empty. `lms-bridge models ls` lists them." })
  }
  // a terminal shows progress in its status line; elsewhere each phase is one line
  let phase = ""
  const onProgress = (progress: LoadProgress) =>
    // an effect may be made and not run
    Effect.suspend(() => {
      const line = Words.oneLine(progressLine(progress), screen.width - 1)
      if (screen.stderrIsTerminal && progress._tag !== "SteppedDown") return screen.status(line)
      const isNew = phase !== progress._tag
      phase = progress._tag
      return isNew ? screen.err(line) : Effect.void
    })
  const asked: EnsureOptions = {
    ttl: Option.getOrUndefined(options.ttl),
    contextLength: Option.getOrUndefined(options.contextLength),
    gpu: Option.getOrUndefined(options.gpu),
    parallel: Option.getOrUndefined(options.parallel),
    identifier: Option.getOrUndefined(options.identifier),
    fallback: options.fallback,
    makeRoom: options.makeRoom,
    temporary: options.temporary,
    onProgress
  }
  const ensured = yield* (yield* ModelLifecycle).ensureLoaded(name, asked).pipe(Effect.ensuring(screen.status("")))
  for (const { model, reason } of ensured.steppedDown) {
    yield* screen.err(Words.oneLine(`${model} was skipped: ${reason}`))
  }
  for (const id of ensured.pushedOut ?? []) {
    yield* screen.err(`${id} was unloaded, because the server had no place for both.`)
  }
  for (const ttl of Option.toArray(options.ttl)) {
    const note = ttlNote(ensured, ttl, ttlMaximum)
    if (note !== undefined) yield* screen.err(note)
  }
  if (Option.isSome(options.contextLength) && ensured.contextLength === undefined) {
    yield* screen.err(
      `--context-length ${options.contextLength.value} could not be checked: this server does not report the context of ${ensured.instanceId}.`
    )
  }
  yield* screen.out(options.json ? encode(ensured) : render(ensured))
})

/** Why the model does not have the --ttl that was asked for. */
const ttlNote = (ensured: Ensured, asked: Duration.Duration, maximum: Duration.Duration): string | undefined => {
  if (ensured.action === "already-loaded") {
    return ensured.ttlMillis === Duration.toMillis(asked)
      ? undefined
      : `--ttl ${Duration.format(asked)} has no effect, because ${ensured.instanceId} is already loaded. Run \`lms-bridge models unload ${ensured.instanceId}${ensured.owner === "user" ? " --force" : ""}\` first.`
  }
  return Duration.greaterThan(asked, maximum)
    ? `--ttl ${Duration.format(asked)} is more than ${table.ttlMaximum.variable} allows; using ${Duration.format(maximum)}.`
    : undefined
}

const encode = Schema.encodeSync(Schema.parseJson(Ensured))
