/** Sends the requests of a probe under its lease, at temperature 0, and keeps account of the replies. */
import * as Effect from "effect/Effect"
import type { ToolForm, Way } from "../../agent/ToolForm.ts"
import type { ChatReply, ChatRequest, Usage } from "../../lmstudio/Chat.ts"
import type { ModelLease } from "../../models/LoadedModel.ts"
import type { ModelLifecycleError } from "../../models/ModelLifecycle.ts"
import * as Trials from "./ProbeTrials.ts"

export interface Asker {
  /** Undefined when the server refuses the request. */
  readonly ask: (
    what: string,
    form: ToolForm,
    asked: Trials.Asked,
    call?: Trials.Made
  ) => Effect.Effect<ChatReply | undefined, ModelLifecycleError>
  /** Any other request, with a reply of at most so many tokens. Fails with what the server says. */
  readonly say: (
    what: string,
    request: Omit<ChatRequest, "model">,
    most?: number
  ) => Effect.Effect<ChatReply, ModelLifecycleError>
  /** A request that another route takes. */
  readonly elsewhere: (
    what: string,
    send: Effect.Effect<ChatReply, ModelLifecycleError>
  ) => Effect.Effect<ChatReply, ModelLifecycleError>
  readonly seen: () => {
    readonly first: ChatReply | undefined
    readonly refused: ModelLifecycleError | undefined
    readonly requests: number
    /** Of the replies to which no schema was set, as a schema may keep thoughts back: whether the model thought. */
    readonly thoughts: ReadonlyArray<boolean>
    readonly usage: Usage
  }
}

export const make = (lease: ModelLease, onTrial: (what: string) => Effect.Effect<void>): Asker => {
  const replies: Array<ChatReply> = []
  const thoughts: Array<boolean> = []
  let refused: ModelLifecycleError | undefined
  const thinks = () => replies.some(hasThought)
  const total = (of: (usage: Usage) => number) =>
    replies.reduce((sum, { usage }) => sum + (usage === undefined ? 0 : of(usage)), 0)
  const note =
    (isFree: boolean) =>
    <E>(self: Effect.Effect<ChatReply, E>) =>
      Effect.tap(self, (reply) =>
        Effect.sync(() => {
          replies.push(reply)
          if (isFree) thoughts.push(hasThought(reply))
        })
      )
  /** A reply that was cut in its thoughts, before it came to the point, is asked for once more with room for them. */
  const withRoom = <E>(send: (maxTokens: number) => Effect.Effect<ChatReply, E>, most: number) =>
    Effect.flatMap(send(thinks() ? most + forThoughts : most), (reply) =>
      reply.finishReason === "length" && reply.reasoning !== "" && reply.content.trim() === ""
        ? send(most + forThoughts)
        : Effect.succeed(reply)
    )
  return {
    ask: Effect.fnUntraced(function* (what, form, asked, call) {
      yield* onTrial(what)
      const send = (maxTokens: number) => {
        const inWays = (ways: ReadonlyArray<Way>) =>
          lease.chat({ ...Trials.requestOf(form, asked, { call, ways }), temperature: 0, maxTokens })
        return inWays([]).pipe(
          // as a run does where a template has no place for instructions or results
          Effect.catchTag("TemplateRefused", () => inWays(["system", "history"])),
          note(form !== "bound")
        )
      }
      return yield* withRoom(send, shortReply).pipe(
        Effect.catchIf(isRefusal, (error) =>
          Effect.as(
            Effect.sync(() => (refused = error)),
            undefined
          )
        )
      )
    }),
    say: (what, request, most = shortReply) =>
      Effect.zipRight(
        onTrial(what),
        withRoom(
          (maxTokens) =>
            note(request.responseSchema === undefined)(lease.chat({ ...request, temperature: 0, maxTokens })),
          most
        )
      ),
    elsewhere: (what, send) => Effect.zipRight(onTrial(what), note(false)(send)),
    seen: () => ({
      first: replies[0],
      refused,
      requests: replies.length,
      thoughts,
      usage: {
        inputTokens: total(({ inputTokens }) => inputTokens),
        outputTokens: total(({ outputTokens }) => outputTokens)
      }
    })
  }
}

export const hasThought = ({ reasoning }: Pick<ChatReply, "reasoning">): boolean => reasoning.trim() !== ""

/** Tokens of a reply: a call takes thirty; one that thinks before it gets more. */
const shortReply = 160
const forThoughts = 540

/** What the server says of a request that it does not take: of its tools, its schema, its order of roles. */
export const isRefusal = (error: ModelLifecycleError): boolean =>
  error._tag === "RequestRejected" ||
  error._tag === "ToolsRefused" ||
  error._tag === "TemplateRefused" ||
  (error._tag === "ServerFault" && error.reason === "Grammar")
