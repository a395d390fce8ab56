/** Our client and a server of the SDK, over linked transports. */
import { Server } from "@modelcontextprotocol/sdk/server/index.js"
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js"
import {
  CallToolRequestSchema,
  ListToolsRequestSchema,
  type ServerNotification
} from "@modelcontextprotocol/sdk/types.js"
import * as CallsInFlight from "#src/mcp/connection/CallsInFlight.ts"
import * as McpClient from "#src/mcp/connection/McpClient.ts"
import type { ServerChannel } from "#src/mcp/transport/ServerChannel.ts"
import { Duration, Effect } from "effect"

interface Script {
  readonly tools?: (page: string | undefined) => object
  readonly call?: (args: {
    readonly name: string
    readonly args: Record<string, unknown>
    readonly signal: AbortSignal
    readonly notify: (notification: ServerNotification) => Promise<void>
    readonly token: string | number | undefined
  }) => Promise<object> | object
}

/** Without callers of the server, and without folders. */
export const nobody = { roots: Effect.succeed([]), inFlight: CallsInFlight.make("it") }

/** A server at the other end of a transport, of which nothing more is known. */
export const channelOver = (transport: ServerChannel["transport"]): ServerChannel => ({
  transport,
  ended: Effect.succeed({ exitCode: undefined, detail: "It hung up." }),
  stderrTail: Effect.succeed(""),
  hint: Effect.succeed(""),
  endSession: Effect.void,
  redact: (text) => text
})

/** What a client is given where a test has nothing else in mind. */
export const usual = {
  startTimeout: Duration.seconds(30),
  callTimeout: Duration.minutes(2),
  callTotal: Duration.hours(1),
  allows: () => true,
  answering: nobody
}

/** The client over a pair of linked transports, with a server of the SDK at the other end. */
export const linked = Effect.fnUntraced(function* (
  script: Script,
  options: Partial<McpClient.ClientOptions> = {},
  prepare: (server: Server) => void = () => {}
) {
  const [mine, theirs] = InMemoryTransport.createLinkedPair()
  const server = new Server(
    { name: "linked", version: "9.9.9" },
    { capabilities: { tools: { listChanged: true } }, instructions: "Be gentle." }
  )
  prepare(server)
  server.setRequestHandler(ListToolsRequestSchema, ({ params }) => script.tools?.(params?.cursor) ?? { tools: [] })
  server.setRequestHandler(CallToolRequestSchema, ({ params }, { _meta, sendNotification, signal }) =>
    Promise.resolve(
      script.call?.({
        name: params.name,
        args: params.arguments ?? {},
        signal,
        notify: sendNotification,
        token: _meta?.progressToken
      }) ?? { content: [] }
    )
  )
  yield* Effect.promise(() => server.connect(theirs))
  const session = yield* McpClient.connect({
    server: "it",
    channel: channelOver(mine),
    ...usual,
    ...options
  })
  return { server, session }
})

/** Lets promises of the server settle without moving the clock. */
export const turns = Effect.promise(() => new Promise((resolve) => setImmediate(resolve))).pipe(Effect.repeatN(5))
