import { assert, describe, it } from "@effect/vitest"
import type { McpConnectError } from "#src/mcp/McpRegistry.ts"
import { McpRegistry } from "#src/mcp/McpRegistry.ts"
import type { McpCallFailed } from "#src/mcp/McpError.ts"
import { Context, Duration, Effect, Exit, Fiber, Layer, Scope } from "effect"
import { eventually, marker, misbehaving, processesWith, registryWith, textOf } from "./realServers.ts"

type Registry = typeof McpRegistry.Service
type Failure = McpConnectError | McpCallFailed

/** A fault: how the server is started, which request is sent, and what should result. */
interface Fault {
  readonly flags?: ReadonlyArray<string>
  /** Short, so that nobody waits long. */
  readonly silent?: boolean
  readonly use: (registry: Registry, server: string) => Effect.Effect<unknown, Failure>
  readonly expected: unknown
}

const reasonOf = <A>(self: Effect.Effect<A, Failure>) =>
  Effect.match(self, {
    onFailure: (error) => ("reason" in error ? error.reason : error._tag),
    onSuccess: () => "no failure"
  })

const faults: Readonly<Record<string, Fault>> = {
  "never answers initialize": {
    flags: ["--never-initialize"],
    silent: true,
    use: (registry, server) => reasonOf(registry.tools(server)),
    expected: "StartTimeout"
  },
  "never answers tools/list": {
    flags: ["--hang-on-list"],
    silent: true,
    use: (registry, server) => reasonOf(registry.tools(server)),
    expected: "StartTimeout"
  },
  "dies on start": {
    flags: ["--die-on-start"],
    use: (registry, server) => reasonOf(registry.tools(server)),
    expected: "Exited"
  },
  "dies in the middle of a call": {
    use: (registry, server) =>
      Effect.zip(reasonOf(registry.call(server, "die", {})), Effect.map(registry.call(server, "ok", {}), textOf)),
    expected: ["Closed", "fine"]
  },
  "floods stderr": {
    flags: ["--flood-stderr"],
    use: (registry, server) => Effect.map(registry.call(server, "ok", {}), textOf),
    expected: "fine"
  },
  "writes garbage to stdout": {
    flags: ["--garbage"],
    use: (registry, server) => Effect.map(registry.call(server, "ok", {}), textOf),
    expected: "fine"
  },
  "answers out of order": {
    use: (registry, server) =>
      Effect.forEach(
        ["first", "second"],
        (message) => Effect.map(registry.call(server, "out-of-order", { message }), textOf),
        { concurrency: 2 }
      ),
    expected: ["first", "second"]
  },
  "answers after its limit": {
    use: (registry, server) =>
      Effect.zip(
        reasonOf(registry.call(server, "late", { after: 400 }, { timeout: "200 millis" })),
        // the late answer arrives while this call runs, and is not mistaken for its own
        Effect.map(registry.call(server, "progress", { rounds: 8, every: 50 }), textOf)
      ),
    expected: ["Timeout", "done"]
  },
  "sends 10 MB": {
    use: (registry, server) =>
      Effect.map(registry.call(server, "big", { bytes: 10_000_000 }), (result) => textOf(result).length),
    expected: 10_000_000
  },
  "changes its tools in mid-run": {
    use: (registry, server) =>
      Effect.scoped(
        Effect.gen(function* () {
          const connection = yield* registry.connect(server)
          const before = yield* connection.tools
          const edition = yield* connection.toolsEdition
          yield* connection.call("add-tool", {})
          const told = (yield* connection.toolsEdition) !== edition
          const after = yield* connection.tools
          return [told, after.length - before.length, after.at(-1)?.name]
        })
      ),
    expected: [true, 1, "added"]
  },
  "returns schemas that do not compile": {
    flags: ["--odd-tools"],
    use: (registry, server) =>
      Effect.zip(
        Effect.map(registry.tools(server), (tools) => tools.length),
        Effect.map(registry.call(server, "bad-output-schema", {}), ({ structured }) => structured)
      ),
    expected: [5, { a: 1 }]
  },
  "has 300 tools on paged lists": {
    flags: ["--tools=300", "--page=40"],
    use: (registry, server) => Effect.map(registry.tools(server), (tools) => tools.length),
    expected: 300
  },
  "ignores the end of stdin and SIGTERM": {
    flags: ["--ignore-eof", "--ignore-sigterm", "--grandchild"],
    use: (registry, server) => Effect.map(registry.call(server, "ok", {}), textOf),
    expected: "fine"
  }
}

describe("McpRegistry with many servers, each with another fault", () => {
  it.scopedLive(
    "reports each fault to its caller, does not disturb other servers, and leaves no process behind",
    () => {
      const own = marker()
      const names = Object.keys(faults)
      return Effect.gen(function* () {
        const scope = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))
        const serversOf = (silent: boolean) =>
          Object.fromEntries(
            Object.entries(faults).flatMap(([name, fault]) =>
              (fault.silent ?? false) === silent ? [[name, misbehaving(...(fault.flags ?? []), own)]] : []
            )
          )
        const registryOf = (servers: Record<string, unknown>, patience: Duration.DurationInput) =>
          Effect.map(
            Layer.buildWithScope(registryWith(servers, { mcpStartTimeout: Duration.decode(patience) }), scope),
            Context.get(McpRegistry)
          )
        const patient = yield* registryOf({ healthy: misbehaving(own), ...serversOf(false) }, "1 minute")
        const impatient = yield* registryOf(serversOf(true), "2 seconds")
        // a call that runs all the while, on a server that works
        const heard: Array<number> = []
        const neighbour = yield* Effect.fork(
          patient.call(
            "healthy",
            "progress",
            { rounds: 40, every: 50 },
            { onProgress: ({ progress }) => Effect.sync(() => heard.push(progress)) }
          )
        )
        const results = yield* Effect.forEach(
          Object.entries(faults),
          ([name, { silent, use }]) => use(silent === true ? impatient : patient, name),
          {
            concurrency: "unbounded"
          }
        )
        assert.strictEqual(textOf(yield* Fiber.join(neighbour)), "done")
        assert.deepStrictEqual(
          heard,
          Array.from({ length: 40 }, (_, index) => index + 1)
        )
        names.forEach((name, index) => assert.deepStrictEqual(results[index], faults[name]?.expected, name))
        yield* Scope.close(scope, Exit.void)
        yield* eventually(() => processesWith(own).length === 0)
      })
    },
    120_000
  )
})
