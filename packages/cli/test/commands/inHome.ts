import { FileSystem, Path } from "@effect/platform"
import { ConfigProvider, Effect } from "effect"
import { cli } from "../OverDoubles.ts"

/** A home folder with these files, and the command line in it. */
export const inHome = Effect.fnUntraced(function* (
  files: Readonly<Record<string, string>> = {},
  prefix = "lms-bridge-install-"
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const home = yield* Effect.flatMap(fs.makeTempDirectoryScoped({ prefix }), fs.realPath)
  const at = (name: string) => path.join(home, name)
  const withShell = (shell: Readonly<Record<string, string>>, args: ReadonlyArray<string>) =>
    Effect.withConfigProvider(cli(args), ConfigProvider.fromMap(new Map(Object.entries({ HOME: home, ...shell }))))
  for (const [name, text] of Object.entries(files)) {
    yield* fs.makeDirectory(path.dirname(at(name)), { recursive: true })
    yield* fs.writeFileString(at(name), text)
  }
  return {
    at,
    read: (name: string) => fs.readFileString(at(name)),
    files: (folder: string) => fs.readDirectory(at(folder)),
    run: (...args: ReadonlyArray<string>) => withShell({}, args),
    withShell
  }
})
