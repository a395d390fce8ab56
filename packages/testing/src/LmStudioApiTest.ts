/** A double of `LmStudioApi`: every operation plays the outcomes of the test's script. */
import {
  type ApiError,
  type ApiModel,
  type ChatEvent,
  type ChatReply,
  eventsOf,
  LmStudioApi,
  type ServerInfo
} from "@lms-bridge/core/LmStudioApi"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Scripted from "./Scripted.ts"

type Shape = Context.Tag.Service<LmStudioApi>

/**
 * For each operation its outcomes in order; wrap the last in `Scripted.always` if it answers all further calls.
 * `chatWith` uses the outcomes of `chat`.
 */
export type Script = {
  readonly [K in keyof Omit<Shape, "chatWith">]?: Scripted.Outcomes<
    Shape[K] extends (...args: infer Args) => infer Result ? Result | ((...args: Args) => Result) : Shape[K]
  >
}

/** The recorded calls of the double. */
export class LmStudioApiCalls extends Context.Tag("@lms-bridge/testing/LmStudioApiCalls")<
  LmStudioApiCalls,
  Effect.Effect<ReadonlyArray<Scripted.Call>>
>() {}

/** An operation without outcomes dies when it is called. */
export const layerTest = (script: Script): Layer.Layer<LmStudioApi | LmStudioApiCalls> =>
  Layer.effectContext(
    Effect.map(Scripted.make("LmStudioApi"), (scripted) => {
      const chat = scripted.call("chat", script.chat)
      const api: Shape = {
        server: scripted.value("server", script.server),
        ping: scripted.value("ping", script.ping),
        access: scripted.value("access", script.access),
        models: scripted.value("models", script.models),
        chatStream: scripted.stream("chatStream", script.chatStream),
        nativeChatStream: scripted.stream("nativeChatStream", script.nativeChatStream),
        chat,
        chatWith: (request, onEvent, limits) =>
          Effect.tap(chat(request, limits), (reply) => Effect.forEach(eventsOf(reply), onEvent, { discard: true })),
        complete: scripted.call("complete", script.complete),
        embed: scripted.call("embed", script.embed),
        respond: scripted.call("respond", script.respond),
        load: scripted.call("load", script.load),
        beginLoad: scripted.call("beginLoad", script.beginLoad),
        rouse: scripted.call("rouse", script.rouse),
        engine: scripted.call("engine", script.engine),
        places: scripted.value("places", script.places),
        unload: scripted.call("unload", script.unload),
        download: scripted.call("download", script.download),
        downloadStatus: scripted.call("downloadStatus", script.downloadStatus)
      }
      return Context.make(LmStudioApi, api).pipe(Context.add(LmStudioApiCalls, scripted.calls))
    })
  )

/** LM Studio 0.4 at the default address. */
export const serverInfo: ServerInfo = { baseUrl: "http://127.0.0.1:1234", dialect: "native-v1", isLmStudio: true }

/** A language model on disk, in memory if `instances` is set. */
export const apiModel = (key: string, changes: Partial<ApiModel> = {}): ApiModel => ({
  key,
  type: "llm",
  displayName: key,
  maxContextLength: 32768,
  toolUse: true,
  variants: [],
  instances: [],
  ...changes
})

/** A reply with this text; `changes` replaces fields. */
export const reply = (content: string, changes: Partial<ChatReply> = {}): ChatReply => ({
  model: "test/model",
  content,
  reasoning: "",
  toolCalls: [],
  finishReason: "stop",
  usage: { inputTokens: 50, outputTokens: 5 },
  firstTokenMillis: 100,
  totalMillis: 500,
  ...changes
})

/** The events of this reply, in one stream. */
export const streamOf = (reply: ChatReply): Stream.Stream<ChatEvent, ApiError> => Stream.fromIterable(eventsOf(reply))
