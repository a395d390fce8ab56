/** `lms get` (contract F5): a plan and a progress bar on stdout, results on stderr, unconfirmed downloads. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { ModelOnDisk } from "../state/Catalogue.ts"
import type { Download } from "../state/Downloads.ts"
import { fractionOf } from "../state/Downloads.ts"
import type { Signal } from "./Terminal.ts"
import type { Command, Session } from "./Session.ts"
import { connect, fail, prompt } from "./Session.ts"
import { hostOptions, integerAtLeast, logOptions } from "./Usage.ts"

export const get: Command = {
  shape: {
    name: "get",
    argument: { name: "modelName", required: false },
    options: [
      { long: "--mlx" },
      { long: "--gguf" },
      { long: "--yes", short: "-y" },
      { long: "--select", since: 202604 },
      { long: "--limit", short: "-n", value: "<number>", until: 202604, check: integerAtLeast(1) },
      { long: "--always-show-all-results", until: 202604 },
      { long: "--always-show-download-options", short: "-a", until: 202604 },
      ...hostOptions,
      ...logOptions
    ]
  },
  since: 202404,
  run: Effect.fnUntraced(function* (session: Session) {
    const { argument = "", flags } = session.parsed
    if (flags.has("--select")) {
      return yield* fail(session, "Error: The --select flag requires an interactive terminal.")
    }
    if (argument.split("@").length > 3) {
      return yield* fail(session, "Error: You cannot have more than 2 @'s in the model name argument.")
    }
    yield* connect(session)
    const [name = "", variant] = argument
      .replace(/^https:\/\/(?:huggingface\.co|lmstudio\.ai\/models)\//, "")
      .split("@")
    const { downloadable, models } = yield* session.world.state.get
    const present = models.find((model) => model.key === name)
    if (present !== undefined) {
      yield* session.err(`Model already downloaded. To use, run: lms load ${present.key}`)
      return 0
    }
    const model = yield* pick(session, downloadable, name)
    if (variant !== undefined && variant.toLowerCase() !== model.quantization.name.toLowerCase()) {
      return yield* fail(session, `Error: Cannot find variant ${variant}.`)
    }
    return yield* download(session, model)
  })
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const pick = Effect.fnUntraced(function* (session: Session, downloadable: ReadonlyArray<ModelOnDisk>, name: string) {
  const exact = downloadable.find((model) => model.key === name)
  if (exact !== undefined) return exact
  const [first] = downloadable.filter((model) => model.key.toLowerCase().includes(name.toLowerCase()))
  if (first === undefined) {
    return yield* fail(session, "Error: No staff picks found with the specified search criteria.")
  }
  if (!session.parsed.flags.has("--yes")) yield* prompt(session, "Select a model to download")
  return first
})

const refresh = Duration.millis(50)

const download = Effect.fnUntraced(function* (session: Session, model: ModelOnDisk) {
  const signal = yield* session.terminal.handle(["SIGINT"])
  yield* session.terminal.out(
    `\u001B[?25l   To download: ${model.key} [${model.format.toUpperCase()}] - ${gigabytes(model.sizeBytes)}\n`
  )
  const started = yield* session.world.downloads.start(model)
  return yield* Effect.raceFirst(follow(session, started), stopped(session, signal))
})

const follow = Effect.fnUntraced(function* (session: Session, started: Download) {
  let now = yield* Clock.currentTimeMillis
  while (fractionOf(started, now) < 1) {
    yield* session.terminal.out(`\r\u001B[K${bar(started, now)}`)
    yield* Effect.sleep(refresh)
    now = yield* Clock.currentTimeMillis
  }
  yield* session.terminal.out(`\r\u001B[K${bar(started, now)}\n\u001B[?25h`)
  yield* session.err("Finalizing download...")
  yield* session.err("Download completed.")
  return 0
})

// The download itself continues; a second Ctrl-C exits at once.
const stopped = Effect.fnUntraced(function* (session: Session, signal: Effect.Effect<Signal>) {
  yield* signal
  yield* session.err("? Continue to download in the background?")
  return yield* Effect.raceFirst(Effect.as(signal, 1), Effect.as(session.terminal.line, 1))
})

const bar = (started: Download, now: number): string => {
  const fraction = fractionOf(started, now)
  const seconds = started.durationMs / 1000
  const speed = seconds === 0 ? 0 : started.model.sizeBytes / seconds
  const left = Math.round(seconds * (1 - fraction))
  const filled = Math.round(fraction * 20)
  return `[${"#".repeat(filled)}${" ".repeat(20 - filled)}] ${(fraction * 100).toFixed(2)}% | ${gigabytes(
    started.model.sizeBytes * fraction
  )} / ${gigabytes(started.model.sizeBytes)} | ${(speed / 1e6).toFixed(2)} MB/s | ETA ${String(Math.floor(left / 60)).padStart(2, "0")}:${String(left % 60).padStart(2, "0")}`
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`
