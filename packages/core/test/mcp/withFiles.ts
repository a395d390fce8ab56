/** `McpConfigFiles` over files in memory, in the folder `/home/me/project`. */
import { CurrentOperatingSystem, type OperatingSystem } from "#src/machine/OperatingSystem.ts"
import * as McpConfigFiles from "#src/mcp/config/McpConfigFiles.ts"
import { ConfigProvider, Effect, Logger, Option, type Scope } from "effect"
import * as fakeFiles from "./fakeFiles.ts"

export const server = (command: string) => ({ command })
export const config = (...names: ReadonlyArray<string>) => ({
  mcpServers: Object.fromEntries(names.map((name) => [name, server(name)]))
})

export const withFiles = <A, E>(
  use: (
    files: ReturnType<typeof fakeFiles.make>,
    configuration: McpConfigFiles.McpConfigFiles,
    logged: ReadonlyArray<string>
  ) => Effect.Effect<A, E, Scope.Scope>,
  options: {
    readonly watchable?: boolean
    readonly system?: OperatingSystem
    readonly override?: string
    readonly mode?: "first" | "all"
    readonly environment?: Record<string, string>
    readonly prepare?: (files: ReturnType<typeof fakeFiles.make>) => void
  } = {}
) =>
  Effect.suspend(() => {
    const files = fakeFiles.make(options)
    const logged: Array<string> = []
    const logger = Logger.make(({ message }) => logged.push(String(message)))
    options.prepare?.(files)
    const environment = new Map(Object.entries({ HOME: "/home/me", ...options.environment }))
    return McpConfigFiles.make({
      override: Option.fromNullable(options.override),
      mode: options.mode,
      cwd: "/home/me/project"
    }).pipe(
      Effect.flatMap((configuration) => use(files, configuration, logged)),
      Effect.scoped,
      Effect.provide(files.layer),
      Effect.provideService(CurrentOperatingSystem, options.system ?? "linux"),
      Effect.withConfigProvider(ConfigProvider.fromMap(environment)),
      Effect.provide(Logger.replace(Logger.defaultLogger, logger))
    )
  })

export type Files = ReturnType<typeof fakeFiles.make>

export const names = (configuration: McpConfigFiles.McpConfigFiles) =>
  Effect.map(configuration.current, ({ path, servers }) => ({ path, servers: [...servers.keys()] }))
