/** `serve --http` of the built program, and clients of it. */
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js"
import { Effect, Schedule } from "effect"
import type { world } from "./Harness.ts"

type World = Effect.Effect.Success<typeof world>

/** The program, and where it listens. */
export const serving = Effect.fnUntraced(function* (
  { start }: World,
  env: Readonly<Record<string, string>> = {},
  args: ReadonlyArray<string> = []
) {
  const program = yield* start(["serve", "--http", ...args], env)
  const url = () => /Listening at (\S+)/.exec(program.stderr())?.[1]
  yield* Effect.repeat(Effect.sync(url), {
    until: (found) => found !== undefined,
    schedule: Schedule.spaced("20 millis")
  })
  return { ...program, url: String(url()) }
})

export const connect = Effect.fnUntraced(function* (url: string, token?: string) {
  const transport = new StreamableHTTPClientTransport(
    new URL(url),
    token === undefined ? {} : { requestInit: { headers: { authorization: `Bearer ${token}` } } }
  )
  const client = new Client({ name: "claude-code", version: "1" })
  yield* Effect.acquireRelease(
    // the SDK's class and interface differ in the same optional callbacks on both sides
    Effect.promise(() => client.connect(transport as Parameters<Client["connect"]>[0])),
    () => Effect.promise(() => client.close())
  )
  return { client, transport }
})

export const status = (url: string, init: RequestInit = {}) =>
  Effect.promise(() =>
    fetch(url, init).then(
      ({ status }) => status,
      () => "gone" as const
    )
  )
