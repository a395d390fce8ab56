/**
 * Tries how a model makes calls: a few short requests under a lease, at temperature 0. Native first, because calls in text
 * are seen in the same replies; bound steps where that leaves a doubt.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { ToolForm, Way } from "../agent/ToolForm.ts"
import type { ChatReply, Usage } from "../lmstudio/Chat.ts"
import * as TokenCount from "../lmstudio/TokenCount.ts"
import type { ModelLease } from "../models/LoadedModel.ts"
import type { ModelLifecycleError } from "../models/ModelLifecycle.ts"
import { present } from "../schema/Fields.ts"
import type { Capability, Evidence } from "./Evidence.ts"
import * as Trials from "./ProbeTrials.ts"

export interface Tried {
  readonly evidence: { readonly [K in Capability]?: Evidence }
  readonly usage: Usage
  readonly requests: number
}

export interface ProbeOptions {
  /** Every trial, also where the first ones have decided. */
  readonly whole: boolean
  /** Before each request: what is tried, in words. */
  readonly onTrial: (what: string) => Effect.Effect<void>
}

/** Fails when the model or the server does; a request that the server refuses is a trial that failed. */
export const run = Effect.fn("ModelProbe.run")(function* (lease: ModelLease, { onTrial, whole }: ProbeOptions) {
  const at = yield* Clock.currentTimeMillis
  const asker = makeAsker(lease, onTrial)
  const result = (right: ReadonlyArray<boolean>, detail?: string): Evidence => {
    const value = right.filter(Boolean).length
    return {
      source: "verified",
      holds: value * 2 > right.length,
      value,
      trials: right.length,
      at,
      ...present({ detail })
    }
  }

  const plain = yield* inForm(asker, "native")
  const native = result(
    plain.map(({ inText, right }) => right && !inText),
    again("native", plain, false)
  )
  const text = result(
    plain.map(({ inText, right }) => right && inText),
    again("text", plain, true)
  )
  const several = native.holds || whole
  const both = several ? yield* asker.ask("two calls at once", "native", Trials.two) : undefined
  const together = both === undefined ? [] : Trials.rightOf(Trials.two, Trials.callsOf("native", both).calls)
  const steps = native.value === native.trials && !whole ? undefined : yield* inForm(asker, "bound")

  const { first, refused, requests, thinks, usage } = asker.seen()
  if (requests === 0 && refused !== undefined) return yield* refused
  const tried: Tried = {
    evidence: {
      ...(first?.usage === undefined
        ? {}
        : { toolsInTemplate: result([first.usage.inputTokens >= toolTokens * leastOfThem]) }),
      toolCalls: native,
      ...(several ? { parallelToolCalls: result([together.length === Trials.two.calls.length]) } : {}),
      callsInText: text,
      ...(steps === undefined
        ? {}
        : {
            boundSteps: result(
              steps.map(({ right }) => right),
              again("bound", steps, false)
            )
          }),
      reasoning: result([thinks])
    },
    usage,
    requests
  }
  return tried
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Tokens of a reply: a call takes thirty; one that thinks before it gets more. */
const shortReply = 160
const longReply = 700

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
const inForm = Effect.fnUntraced(function* ({ ask }: Asker, form: "native" | "bound") {
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

interface Asker {
  /** Undefined when the server refuses the request. */
  readonly ask: (
    what: string,
    form: ToolForm,
    asked: Trials.Asked,
    call?: Trials.Made
  ) => Effect.Effect<ChatReply | undefined, ModelLifecycleError>
  readonly seen: () => {
    readonly first: ChatReply | undefined
    readonly refused: ModelLifecycleError | undefined
    readonly requests: number
    readonly thinks: boolean
    readonly usage: Usage
  }
}

const makeAsker = (lease: ModelLease, onTrial: ProbeOptions["onTrial"]): Asker => {
  const replies: Array<ChatReply> = []
  let refused: ModelLifecycleError | undefined
  const thinks = () => replies.some(({ reasoning }) => reasoning.trim() !== "")
  const total = (of: (usage: Usage) => number) =>
    replies.reduce((sum, { usage }) => sum + (usage === undefined ? 0 : of(usage)), 0)
  return {
    ask: Effect.fnUntraced(function* (what, form, asked, call) {
      yield* onTrial(what)
      const send = (maxTokens: number) => {
        const inWays = (ways: ReadonlyArray<Way>) =>
          lease.chat({ ...Trials.requestOf(form, asked, { call, ways }), temperature: 0, maxTokens })
        return inWays([]).pipe(
          // as a run does where a template has no place for instructions or results
          Effect.catchTag("TemplateRefused", () => inWays(["system", "history"])),
          Effect.tap((reply) => Effect.sync(() => replies.push(reply)))
        )
      }
      return yield* send(thinks() ? longReply : shortReply).pipe(
        Effect.flatMap((reply) =>
          // cut in its thoughts, before it came to the point
          reply.finishReason === "length" && reply.reasoning !== "" && reply.content.trim() === ""
            ? send(longReply)
            : Effect.succeed(reply)
        ),
        Effect.catchIf(isRefusal, (error) =>
          Effect.as(
            Effect.sync(() => (refused = error)),
            undefined
          )
        )
      )
    }),
    seen: () => ({
      first: replies[0],
      refused,
      requests: replies.length,
      thinks: thinks(),
      usage: {
        inputTokens: total(({ inputTokens }) => inputTokens),
        outputTokens: total(({ outputTokens }) => outputTokens)
      }
    })
  }
}

/** What the server says of a request that it does not take: of its tools, its schema, its order of roles. */
const isRefusal = (error: ModelLifecycleError): boolean =>
  error._tag === "RequestRejected" ||
  error._tag === "ToolsRefused" ||
  error._tag === "TemplateRefused" ||
  (error._tag === "ServerFault" && error.reason === "Grammar")
