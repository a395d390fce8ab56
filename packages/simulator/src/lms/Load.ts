/** `lms load` (contract F1): fuzzy choice, prompts, the spinner on stdout, estimates, stacking loads. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { ModelOnDisk } from "../state/Catalogue.ts"
import * as Guardrail from "../state/Guardrail.ts"
import { progressOf } from "../state/Machine.ts"
import type { Command, Session } from "./Session.ts"
import { connect, fail, prompt } from "./Session.ts"
import { gpuRatio, hostOptions, integerAtLeast, logOptions } from "./Usage.ts"
import * as Words from "./Words.ts"

export const load: Command = {
  shape: {
    name: "load",
    argument: { name: "model-key", required: false },
    options: [
      { long: "--gpu", value: "<offload-ratio>", check: gpuRatio },
      { long: "--context-length", short: "-c", value: "<length>", check: integerAtLeast(1) },
      { long: "--parallel", value: "<parallel>", since: 202601, check: integerAtLeast(1) },
      { long: "--ttl", value: "<seconds>", since: 202501, check: integerAtLeast(1) },
      { long: "--identifier", value: "<identifier>" },
      { long: "--estimate-only", since: 202509 },
      { long: "--yes", short: "-y" },
      { long: "--exact" },
      { long: "--local", since: 202602 },
      { long: "--speculative-draft-mtp", since: 202606 },
      { long: "--no-speculative-draft-mtp", since: 202606 },
      { long: "--speculative-draft-simple", since: 202606 },
      { long: "--speculative-draft-model", value: "<model>", since: 202606 },
      { long: "--speculative-draft-max-tokens", value: "<n>", since: 202606, check: integerAtLeast(1) },
      { long: "--speculative-draft-min-tokens", value: "<n>", since: 202606, check: integerAtLeast(0) },
      { long: "--speculative-draft-min-continue-probability", value: "<p>", since: 202606 },
      ...hostOptions,
      ...logOptions
    ]
  },
  since: 202404,
  run: Effect.fnUntraced(function* (session: Session) {
    yield* connect(session)
    const model = yield* choose(session)
    return session.parsed.flags.has("--estimate-only")
      ? yield* estimate(session, model)
      : yield* perform(session, model)
  })
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const choose = Effect.fnUntraced(function* (session: Session) {
  const { argument, flags } = session.parsed
  const machine = yield* session.world.state.get
  if (flags.has("--exact")) {
    if (argument === undefined) return yield* fail(session, "Path not provided")
    const exact = machine.models.find((model) => model.path === argument)
    return exact ?? (yield* fail(session, `Model not found\n\nNo model found with path being exactly "${argument}".`))
  }
  const recent = yield* recentFirst(session)
  const matching = argument === undefined ? recent : Words.fuzzyFilter(argument, recent, (model) => model.key)
  const [first] = matching
  if (flags.has("--yes")) {
    if (first === undefined) {
      return yield* fail(session, `Model not found\n\nNo model found that matches model key "${argument ?? ""}".`)
    }
    if (matching.length > 1) {
      yield* session.err(
        `W ${matching.length} models match the provided model key on the same device. Loading the first one.`
      )
    }
    return first
  }
  if (argument !== undefined && first !== undefined && matching.length === 1) return first
  if (argument !== undefined) {
    yield* session.out(
      first === undefined
        ? `! Cannot find a model matching the provided model key (${argument}). Please select one from the list below.`
        : "! Multiple models match the provided model key. Please select one."
    )
  }
  yield* prompt(session, "Select a model to load")
  const picked = first ?? recent[0]
  return picked ?? (yield* fail(session, "You have not downloaded any models yet."))
})

const recentFirst = Effect.fnUntraced(function* (session: Session) {
  const { models } = yield* session.world.state.get
  const events = yield* session.world.state.events
  const lastLoad = (model: ModelOnDisk) =>
    events.findLastIndex((event) => event.type === "loadFinished" && event.key === model.key)
  return models.toSorted((left, right) => lastLoad(right) - lastLoad(left))
})

const wantedContext = ({ parsed }: Session): number | undefined => {
  const text = parsed.values.get("--context-length")
  return text === undefined ? undefined : Number(text)
}

const estimate = Effect.fnUntraced(function* (session: Session, model: ModelOnDisk) {
  const { err, parsed, settings } = session
  const context = wantedContext(session)
  const gpu = parsed.values.get("--gpu")
  const needed = Guardrail.bytesNeeded(model, Math.min(context ?? model.defaultContextLength, model.maxContextLength))
  const machine = yield* session.world.state.get
  yield* err(`Model: ${model.key}`)
  if (context !== undefined) yield* err(`Context Length: ${context.toLocaleString("en-US")}`)
  if (gpu !== undefined) {
    yield* err(`GPU Offload: ${gpu === "max" ? "100%" : gpu === "off" ? "0%" : `${Math.round(Number(gpu) * 100)}%`}`)
  }
  yield* err(`Estimated GPU Memory:   ${Words.size(needed, settings.cliSince)}`)
  yield* err(`Estimated Total Memory: ${Words.size(needed, settings.cliSince)}`)
  yield* err("")
  yield* err(
    Guardrail.fits(machine, needed)
      ? "Estimate: This model may be loaded based on your resource guardrails settings."
      : "Estimate: This model will fail to load based on your resource guardrails settings."
  )
  return 0
})

const perform = Effect.fnUntraced(function* (session: Session, model: ModelOnDisk) {
  const { err, parsed, settings, terminal, world } = session
  const ttl = parsed.values.get("--ttl")
  const parallel = parsed.values.get("--parallel")
  const started = yield* Clock.currentTimeMillis
  const signal = yield* terminal.handle(["SIGINT"])
  const loaded = world.state
    .beginLoad({
      key: model.key,
      by: "cli",
      ttlMs: ttl === undefined ? null : Number(ttl) * 1000,
      contextLength: wantedContext(session),
      identifier: parsed.values.get("--identifier"),
      parallel: parallel === undefined ? undefined : Number(parallel)
    })
    .pipe(
      Effect.flatMap((begun) => {
        const spinning = spin(
          session,
          (now) => `Loading ${model.key}${percent(session, progressOf(begun.loading, now))}`
        )
        const cancelled = Effect.zipRight(signal, begun.cancel).pipe(
          Effect.zipRight(err("W Load cancelled.")),
          Effect.as(undefined)
        )
        return Effect.raceFirst(Effect.raceFirst(begun.result, spinning), cancelled)
      }),
      Effect.ensuring(terminal.out("\r\u001B[K\u001B[?25h"))
    )
  yield* terminal.out("\u001B[?25l")
  return yield* loaded.pipe(
    Effect.flatMap((instance) => {
      if (instance === undefined) return Effect.succeed(1)
      return Effect.flatMap(Clock.currentTimeMillis, (now) =>
        err(
          `Model loaded successfully in ${Words.elapsed(now - started)}.\n(${Words.size(model.sizeBytes, settings.cliSince)})\nTo use the model in the API/SDK, use the identifier "${instance.id}".`
        ).pipe(Effect.as(0))
      )
    }),
    Effect.catchTag("SimulatedLoadFailed", (failure) => Effect.as(err(`Error: ${failure.text}`), 1))
  )
})

const percent = ({ settings }: Session, progress: number): string =>
  settings.cliSince >= 202605 ? ` ${Math.floor(progress * 100)}%` : ""

const frames = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"

// On stdout, even if that is not a terminal.
const spin = (session: Session, text: (now: number) => string): Effect.Effect<never> =>
  Effect.iterate(0, {
    while: () => true,
    body: (frame) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        session.terminal.out(`\r${text(now)} ${frames.charAt(frame % frames.length)}`)
      ).pipe(Effect.zipRight(Effect.sleep(session.settings.spinnerInterval)), Effect.as(frame + 1))
  }).pipe(Effect.zipRight(Effect.never))
