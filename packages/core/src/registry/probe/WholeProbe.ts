/**
 * Tries all that the registry knows of: calls in each form, no call where none is needed, two at once, answers by schema,
 * pictures, speed, and the context that works. Step by step, the most important first, so that what there is time for is
 * kept.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type ChatReply, tokensPerSecond } from "../../lmstudio/Chat.ts"
import * as TokenCount from "../../lmstudio/TokenCount.ts"
import type { ModelLease } from "../../models/LoadedModel.ts"
import type { ModelLifecycleError } from "../../models/ModelLifecycle.ts"
import * as Asker from "./Asker.ts"
import type { Evidence } from "../Evidence.ts"
import { type Found, loadTime, measured, median, result } from "./Judged.ts"
import { formOf } from "../FormByEvidence.ts"
import * as ModelProbe from "./ModelProbe.ts"
import { pictures } from "./ProbeImages.ts"
import * as Texts from "./ProbeTexts.ts"
import * as Trials from "./ProbeTrials.ts"
import * as Thinking from "./Thinking.ts"

export interface Options {
  /** Before each request: what is tried, in words. */
  readonly onTrial: (what: string) => Effect.Effect<void>
  /** After each step: what it found. */
  readonly onFound: (found: Found) => Effect.Effect<void>
  /** Before each step: waits until nobody else is at work. Does not count as time of the probe. */
  readonly idle: Effect.Effect<void, ModelLifecycleError>
  readonly limit: Duration.Duration
  /** Absent where the server has no way to switch the thinking of a model. */
  readonly thinking?: Thinking.ThinkingSwitch
}

export interface Tried {
  readonly requests: number
  /** What there was no time for, in words. */
  readonly untried: ReadonlyArray<string>
}

/** Fails when the model or the server does; a request that the server refuses is a trial that failed. */
export const run = Effect.fn("WholeProbe.run")(function* (
  lease: ModelLease,
  { idle, limit, onFound, onTrial, thinking }: Options
) {
  const asker = Asker.make(lease, onTrial)
  const ensured = yield* lease.ensured
  const { contextLength } = ensured
  let found: Found = {}
  let spent = 0
  const untried: Array<string> = []
  const step = Effect.fnUntraced(function* (what: string, trial: Effect.Effect<Found, ModelLifecycleError>) {
    const left = Duration.toMillis(limit) - spent
    if (left <= 0) return void untried.push(what)
    yield* idle
    const since = yield* Clock.currentTimeMillis
    const tried = yield* Effect.timeoutOption(trial, left)
    spent += (yield* Clock.currentTimeMillis) - since
    if (Option.isNone(tried)) return void untried.push(what)
    found = { ...found, ...tried.value }
    yield* onFound(tried.value)
  })

  const loaded = yield* loadTime(ensured)
  if (Object.keys(loaded).length > 0) yield* onFound(loaded)
  yield* step("native calls", ModelProbe.native(asker))
  const { refused, requests } = asker.seen()
  if (requests === 0 && refused !== undefined) return yield* refused
  yield* step("bound steps", ModelProbe.bound(asker))
  yield* step("thinking", Thinking.thinks(asker))
  yield* step("answers by schema", bySchema(asker))
  yield* step(
    "leaving tools alone",
    Effect.suspend(() => alone(asker, formOf({ build: {}, at: 0, evidence: found }).form))
  )
  if (thinking !== undefined && (thinking.options.includes("off") || asker.seen().thoughts.includes(true))) {
    yield* step("thinking off and on", Thinking.run(asker, thinking))
  }
  yield* step("two calls at once", ModelProbe.together(asker, Trials.pairs.length))
  yield* step("images", seeing(asker))
  let factor = 1
  yield* step(
    "speed",
    Effect.map(shortSpeed(asker), ({ counted, ...measured }) => {
      factor = counted
      return measured
    })
  )
  if (contextLength !== undefined) {
    yield* step(
      "the context that works",
      Effect.suspend(() => working(asker, contextLength, factor))
    )
    yield* step(
      "speed with half of the context",
      Effect.suspend(() => longSpeed(asker, contextLength, factor))
    )
  }
  const tried: Tried = { requests: asker.seen().requests, untried }
  return tried
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const bySchema = ({ say }: Asker.Asker) =>
  Effect.forEach(Texts.structured, (one) =>
    say("an answer by a schema", Texts.structuredRequest(one)).pipe(
      Effect.map((reply) => Texts.fits(one.schema, reply)),
      Effect.catchIf(Asker.isRefusal, () => Effect.succeed(false))
    )
  ).pipe(
    Effect.flatMap((right) => result(right)),
    Effect.map((jsonSchema) => ({ jsonSchema }))
  )

/** In the form that suits it. */
const alone = (asker: Asker.Asker, form: "native" | "text" | "bound") =>
  Effect.forEach(Trials.needless, (asked) =>
    Effect.map(asker.ask("a task without need for tools", form, asked), (reply) => {
      const read = reply === undefined ? undefined : Trials.callsOf(form, reply)
      return read !== undefined && read.calls.length === 0 && read.words.trim() !== ""
    })
  ).pipe(
    Effect.flatMap((right) => result(right)),
    Effect.map((restraint) => ({ restraint }))
  )

/** A server that refuses one picture refuses them all. */
const seeing = Effect.fnUntraced(function* ({ say }: Asker.Asker) {
  const right: Array<boolean> = []
  for (const picture of pictures) {
    const reply = yield* say("a picture of a word", Texts.pictureRequest(picture), 24).pipe(
      Effect.map(Option.some),
      Effect.catchIf(isBlind, () => Effect.succeedNone)
    )
    if (Option.isNone(reply)) return { vision: yield* result([false], "the server refuses images") }
    right.push(Texts.reads(picture, reply.value))
  }
  return { vision: yield* result(right) }
})

/** Some servers say of images that a model cannot see them as of a fault of their own. */
const isBlind = (error: ModelLifecycleError): boolean =>
  Asker.isRefusal(error) || (error._tag === "ServerFault" && (error.reason === "Unknown" || error.reason === "Engine"))

const shortTokens = 500
const counting = 64
/** What templates put around a message, with a system message of their own. */
const around = 25

/** `counted`: tokens by the server for each one by our estimate. */
const shortSpeed = Effect.fnUntraced(function* ({ say }: Asker.Asker) {
  const text = Texts.longText(shortTokens)
  const replies: ReadonlyArray<ChatReply> = yield* Effect.forEach([1, 2, 3], (number) =>
    // a beginning of its own, so that all of it has to be read
    say("speed", Texts.countingRequest(text, `Text ${number}.\n`), counting)
  )
  const estimate = TokenCount.ofText(Texts.counting(text, "Text 1.\n"))
  const read = median(replies.flatMap(({ usage }) => (usage === undefined ? [] : [usage.inputTokens])))
  return {
    counted: read === undefined ? 1 : Math.max(0.5, (read - around) / estimate),
    ...(yield* measured(
      "firstTokenSeconds",
      replies.map(({ firstTokenMillis }) => firstTokenMillis / 1000)
    )),
    ...(yield* measured(
      "tokensPerSecond",
      replies.flatMap((reply) => tokensPerSecond(reply) ?? [])
    ))
  }
})

const longSpeed = Effect.fnUntraced(function* ({ say }: Asker.Asker, contextLength: number, factor: number) {
  const text = Texts.longText(Math.floor(whole(contextLength) / factor))
  // its first half, which the engine has just read
  const half = text.slice(0, text.indexOf("\n", text.length / 2))
  const replies = yield* Effect.forEach([1, 2, 3], () =>
    say("speed with half of the context", Texts.countingRequest(half, ""), counting)
  )
  return yield* measured(
    "tokensPerSecondLong",
    replies.flatMap((reply) => tokensPerSecond(reply) ?? [])
  )
})

/** Tokens for the template and the reply; beyond them, nearly all of the context is filled. */
const besides = 64
const whole = (contextLength: number) => Math.floor((contextLength - besides) * 0.96)
const leastContext = 500
/** Long texts are costly, and a context longer than this is not read in three minutes anywhere. */
const mostContext = 32_768

/** The longest text of which it knows every part: nearly the whole context, else half of that, and so on. */
const working = Effect.fnUntraced(function* ({ say }: Asker.Asker, contextLength: number, factor: number) {
  for (
    let tokens = Math.min(whole(contextLength), mostContext);
    tokens >= leastContext;
    tokens = Math.floor(tokens / 2)
  ) {
    const text = Texts.longText(Math.floor(tokens / factor))
    const replies: Array<{ readonly right: boolean; readonly read: number }> = []
    for (const needle of Texts.needles) {
      const reply = yield* say(`a text of ${tokens} tokens`, Texts.needleRequest(text, needle), 32).pipe(
        Effect.map(Option.some),
        Effect.catchTag("ContextOverflow", () => Effect.succeedNone)
      )
      if (Option.isNone(reply)) break
      replies.push({
        right: Texts.finds(needle, reply.value),
        read: reply.value.usage?.inputTokens ?? tokens
      })
    }
    const right = replies.filter((one) => one.right)
    if (right.length * 2 > Texts.needles.length) {
      const value = Math.min(...right.map(({ read }) => read))
      return yield* measured("context", [value], replies.length)
    }
  }
  const none: Evidence = {
    source: "verified",
    holds: false,
    trials: Texts.needles.length,
    at: yield* Clock.currentTimeMillis
  }
  return { context: none }
})
