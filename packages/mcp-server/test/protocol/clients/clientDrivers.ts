/** MCP clients as they behave towards a server: what they say of themselves, how long they wait, how they name tools. */
import type { Client } from "@modelcontextprotocol/sdk/client/index.js"
import type { ClientCapabilities } from "@modelcontextprotocol/sdk/types.js"
import { Duration, Effect, Exit, Fiber, Option } from "effect"
import type { Result } from "../../connected.ts"

export interface Driver {
  readonly title: string
  /** `clientInfo.name`. */
  readonly name: string
  readonly capabilities: ClientCapabilities
  /** Whether calls ask for progress. */
  readonly wantsProgress: boolean
  /** How long it waits for an answer. */
  readonly patience: Duration.DurationInput
  /** Whether it waits that long again after each progress notification. */
  readonly progressResets: boolean
  /** A tool as its model sees it, of a server entered as `lms-bridge`. */
  readonly visible: (tool: string) => string
  /** Of such a name, in characters. */
  readonly nameLimit: number
  readonly callsTasks: boolean
}

const usual = { capabilities: {}, wantsProgress: false, progressResets: false, nameLimit: 64, callsTasks: false }

export const drivers: ReadonlyArray<Driver> = [
  {
    ...usual,
    title: "Claude Code",
    name: "claude-code",
    capabilities: { roots: {}, elicitation: {} },
    wantsProgress: true,
    patience: "30 minutes",
    progressResets: true,
    visible: (tool) => `mcp__lms-bridge__${tool}`
  },
  {
    ...usual,
    title: "Claude Desktop",
    name: "claude-ai",
    wantsProgress: true,
    patience: "60 seconds",
    visible: (tool) => `lms-bridge:${tool}`
  },
  {
    ...usual,
    title: "Cursor",
    name: "cursor-vscode",
    capabilities: { roots: {}, elicitation: {} },
    patience: "60 seconds",
    visible: (tool) => `mcp_lms-bridge_${tool}`,
    nameLimit: 60
  },
  {
    ...usual,
    title: "VS Code",
    name: "Visual Studio Code",
    capabilities: { roots: { listChanged: true }, sampling: {}, elicitation: {} },
    wantsProgress: true,
    patience: "24 hours",
    visible: (tool) => `mcp_lms-bridge_${tool}`
  },
  {
    ...usual,
    title: "LM Studio",
    name: "lmstudio-mcp-client",
    patience: "60 seconds",
    // it takes `_` for `-`, so that two tools must not differ in that alone
    visible: (tool) => tool.replaceAll("_", "-")
  },
  {
    ...usual,
    title: "Inspector",
    name: "inspector-cli",
    capabilities: { roots: { listChanged: true } },
    patience: "60 seconds",
    visible: (tool) => tool
  },
  {
    ...usual,
    title: "SDK, as it is",
    name: "my-program",
    patience: "60 seconds",
    visible: (tool) => tool
  },
  {
    ...usual,
    title: "SDK, with tasks",
    name: "my-program",
    capabilities: { tasks: { list: {}, cancel: {} } },
    patience: "60 seconds",
    visible: (tool) => tool,
    callsTasks: true
  }
]

export interface Called {
  /** None when the client lost its patience and cancelled. */
  readonly result: Option.Option<Result>
  readonly progress: ReadonlyArray<string>
}

/** One call, with the client's own watch over it, on the test's clock. */
export const call = Effect.fnUntraced(function* (
  driver: Driver,
  client: Client,
  name: string,
  args: Record<string, unknown>
) {
  const progress: Array<string> = []
  const abort = new AbortController()
  const options = {
    signal: abort.signal,
    timeout: Duration.toMillis("1 day"),
    ...(driver.wantsProgress
      ? {
          onprogress: ({ message = "" }: { message?: string | undefined }) => void progress.push(message)
        }
      : {})
  }
  const asked = yield* Effect.fork(
    Effect.promise(() => client.callTool({ name, arguments: args }, undefined, options) as Promise<Result>)
  )
  const watch: Effect.Effect<void> = Effect.gen(function* () {
    const heard = progress.length
    yield* Effect.sleep(driver.patience)
    if (driver.progressResets && progress.length > heard) return yield* watch
  })
  const ended = yield* Effect.raceFirst(Effect.asSome(Fiber.await(asked)), Effect.as(watch, Option.none()))
  if (Option.isNone(ended)) {
    abort.abort("timed out")
    yield* Fiber.await(asked)
  }
  const result = Option.flatMap(ended, Exit.match({ onSuccess: Option.some, onFailure: Option.none }))
  return { result, progress } satisfies Called
})
