import { FileSystem, Path } from "@effect/platform"
import { ConfigProvider, Effect } from "effect"
import { cli, type Doubles } from "../OverDoubles.ts"

/** A home folder with these files, and a command in it; the mcp.json of the user is its `.mcp.json`. */
export const withTarget = Effect.fnUntraced(function* (
  command: ReadonlyArray<string>,
  files: Readonly<Record<string, string>>,
  doubles: Doubles = {}
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = yield* Effect.flatMap(fs.makeTempDirectoryScoped({ prefix: "lms-bridge-target-" }), fs.realPath)
  const at = (name: string) => path.join(folder, name)
  for (const [name, text] of Object.entries(files)) {
    yield* fs.makeDirectory(path.dirname(at(name)), { recursive: true })
    yield* fs.writeFileString(at(name), text)
  }
  const target = at(".mcp.json")
  const candidates = Effect.map(fs.exists(target), (exists) => [
    { path: target, origin: "home" as const, exists, used: exists }
  ])
  const within = (variables: Readonly<Record<string, string>>, ...args: ReadonlyArray<string>) =>
    Effect.withConfigProvider(
      cli([...command, ...args], { ...doubles, mcp: { candidates: Effect.orDie(candidates), ...doubles.mcp } }),
      ConfigProvider.fromMap(new Map(Object.entries({ HOME: folder, ...variables })))
    )
  return {
    target,
    exists: fs.exists(target),
    text: fs.readFileString(target),
    servers: Effect.map(fs.readFileString(target), (text) => JSON.parse(text.replace("// mine", "")).mcpServers),
    within,
    run: (...args: ReadonlyArray<string>) => within({}, ...args)
  }
})
