/**
 * Tries how a model makes calls: a few short requests under a lease, at temperature 0. Native first, because calls in text
 * are seen in the same replies; bound steps where that leaves a doubt.
 */
import * as Effect from "effect/Effect"
import type { ToolForm } from "../../agent/ToolForm.ts"
import type { Usage } from "../../lmstudio/Chat.ts"
import * as TokenCount from "../../lmstudio/TokenCount.ts"
import type { ModelLease } from "../../models/LoadedModel.ts"
import * as Asker from "./Asker.ts"
import { type Found, result } from "./Judged.ts"
import * as Trials from "./ProbeTrials.ts"

export interface Tried {
  readonly evidence: Found
  readonly usage: Usage
}

/** What a run has to know. Fails when the model or the server does; a request that the server refuses is a trial that failed. */
export const run = Effect.fn("ModelProbe.run")(function* (
  lease: ModelLease,
  onTrial: (what: string) => Effect.Effect<void>
) {
  const asker = Asker.make(lease, onTrial)
  const plain = yield* native(asker)
  const { toolCalls } = plain
  const several = toolCalls.holds ? yield* together(asker, 1) : {}
  const steps = toolCalls.value === toolCalls.trials ? {} : yield* bound(asker)
  const { refused, requests, thoughts, usage } = asker.seen()
  if (requests === 0 && refused !== undefined) return yield* refused
  const reasoning = yield* result(thoughts)
  const tried: Tried = { evidence: { ...plain, ...several, ...steps, reasoning }, usage }
  return tried
})

/** Calls by the engine or in the text of the reply, and whether the model was told of its tools at all. */
export const native = Effect.fnUntraced(function* (asker: Asker.Asker) {
  const plain = yield* inForm(asker, "native")
  const { first } = asker.seen()
  return {
    ...(first?.usage === undefined
      ? {}
      : { toolsInTemplate: yield* result([first.usage.inputTokens >= toolTokens * leastOfThem]) }),
    toolCalls: yield* result(
      plain.map(({ inText, right }) => right && !inText),
      again("native", plain, false)
    ),
    callsInText: yield* result(
      plain.map(({ inText, right }) => right && inText),
      again("text", plain, true)
    )
  }
})

/** Two calls in one reply, so many times. */
export const together = Effect.fnUntraced(function* (asker: Asker.Asker, times: number) {
  const right = yield* Effect.forEach(Trials.pairs.slice(0, times), (pair) =>
    Effect.map(asker.ask("two calls at once", "native", pair), (reply) => {
      const made = reply === undefined ? [] : Trials.rightOf(pair, Trials.callsOf("native", reply).calls)
      return made.length === pair.calls.length
    })
  )
  return { parallelToolCalls: yield* result(right) }
})

export const bound = Effect.fnUntraced(function* (asker: Asker.Asker) {
  const steps = yield* inForm(asker, "bound")
  return {
    boundSteps: yield* result(
      steps.map(({ right }) => right),
      again("bound", steps, false)
    )
  }
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const toolTokens = TokenCount.ofJson(Trials.tools)

/** Estimates of other tokenizers are off by less than this. */
const leastOfThem = 0.7

/** One trial: whether it succeeded, and whether the call had to be found in the text. */
interface Trial {
  readonly right: boolean
  readonly inText: boolean
  readonly again?: boolean
}

/** Two calls, and what the model does with the result of the first. */
const inForm = Effect.fnUntraced(function* ({ ask }: Asker.Asker, form: "native" | "bound") {
  const words = form === "bound" ? " in bound steps" : ""
  const calling = Effect.fnUntraced(function* (what: string, asked: Trials.Asked) {
    const reply = yield* ask(`${what}${words}`, form, asked)
    const found = reply === undefined ? undefined : Trials.callsOf(form, reply)
    const call = found === undefined ? undefined : Trials.rightOf(asked, found.calls)[0]
    return { call, inText: found?.inText === true, written: reply?.content ?? "" }
  })
  const first = yield* calling("a call", Trials.one)
  const second = yield* calling("another call", Trials.another)
  const calls: ReadonlyArray<Trial> = [first, second].map(({ call, inText }) => ({ right: call !== undefined, inText }))
  if (first.call === undefined) return [...calls, { right: false, inText: first.inText }]
  // the model goes on in the form in which it has begun
  const goesOn = first.inText ? "text" : form
  const reply = yield* ask(`a result${words}`, goesOn, Trials.one, { call: first.call, written: first.written })
  const after = reply === undefined ? "neither" : Trials.afterResult(goesOn, reply)
  return [...calls, { right: after === "answers", inText: first.inText, again: after === "calls again" }]
})

const again = (form: ToolForm, trials: ReadonlyArray<Trial>, inText: boolean) =>
  trials.some((trial) => trial.again === true && trial.inText === inText)
    ? `${form} calls again after a result`
    : undefined
