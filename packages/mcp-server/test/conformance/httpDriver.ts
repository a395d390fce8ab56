/** A client of the fixture over HTTP that knows `fetch` and JSON-RPC and nothing else, so that nothing hides what is sent. */
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { overHttp } from "./fixtureProgram.ts"
import * as JsonRpc from "./jsonRpc.ts"

type Json = JsonRpc.Json

/** A running fixture's URL. */
export const serving = Effect.gen(function* () {
  const file = yield* overHttp
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "ignore"] })),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )
  return yield* Effect.async<string>((resume) => {
    child.stdout.once("data", (chunk: Buffer) => resume(Effect.succeed(chunk.toString().trim())))
  })
})

/** `headersOf`: what a message has beside the headers of every one. */
export const connect = (
  url: string,
  headersOf: (message: Json) => Record<string, string>,
  answer: JsonRpc.Answering = () => ({})
) => {
  const state: { session: string | undefined } = { session: undefined }
  const leaving = new AbortController()

  const read = async (response: Response) => {
    state.session ??= response.headers.get("mcp-session-id") ?? undefined
    let text = ""
    for await (const chunk of response.body ?? []) {
      text += new TextDecoder().decode(chunk as Uint8Array)
      const events = text.split("\n\n")
      text = events.pop() ?? ""
      for (const event of events) takeAll([...event.matchAll(/^data: (.+)$/gm)].map(([, data]) => data ?? ""))
    }
    if (text.startsWith("{")) takeAll([text])
  }
  const takeAll = (texts: ReadonlyArray<string>) => {
    for (const text of texts) rpc.take(JSON.parse(text) as JsonRpc.Message)
  }
  const send = (init: RequestInit, message: Json, signal?: AbortSignal) =>
    fetch(url, {
      ...init,
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        ...(state.session === undefined ? {} : { "mcp-session-id": state.session }),
        ...headersOf(message)
      },
      signal: signal === undefined ? leaving.signal : AbortSignal.any([signal, leaving.signal])
    }).then(read, () => undefined)
  const rpc = JsonRpc.make(
    // what was left, or is left at the end, is cut
    (message, signal) =>
      void send({ method: "POST", body: JSON.stringify(message) }, message, signal).catch(() => undefined),
    answer
  )
  return Effect.acquireRelease(
    Effect.succeed({
      ...rpc,
      /** Listens to what the server says without being asked, which is a stream of its own until 2025-11-25. */
      listen: Effect.sync(() => void send({ method: "GET" }, {}).catch(() => undefined))
    }),
    () => Effect.sync(() => leaving.abort())
  )
}
