/** Where the `lms` executable is: at the configured path, on PATH, or in LM Studio's home. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/** Searches all places, now. `configured` is a path, or a name to be found on PATH. */
export const find = Effect.fnUntraced(function* (configured: Option.Option<string>) {
  const path = yield* Path.Path
  const candidates = yield* Option.match(configured, {
    onNone: () => Effect.zipWith(onPath(nameOn(path)), inHomes, (first, second) => [...first, ...second]),
    onSome: (name) => (/[/\\]/.test(name) ? Effect.map(expandHome(name), (expanded) => [expanded]) : onPath(name))
  })
  return yield* Effect.findFirst(candidates, isFile)
})

/** The folders that `lms` itself takes for LM Studio's home, in its order (contract F0). */
export const homes = Effect.gen(function* () {
  const path = yield* Path.Path
  const files = yield* FileSystem.FileSystem
  const user = yield* home
  if (Option.isNone(user)) return []
  const pointed = yield* files.readFileString(path.join(user.value, ".lmstudio-home-pointer")).pipe(
    Effect.map((text) => [text.trim()].filter((folder) => folder !== "")),
    // no pointer file: LM Studio has not run yet, or is old
    Effect.orElseSucceed(() => [])
  )
  return [...pointed, path.join(user.value, ".cache", "lm-studio"), path.join(user.value, ".lmstudio")]
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const isWindows = (path: Path.Path) => path.sep === "\\"

const nameOn = (path: Path.Path) => (isWindows(path) ? "lms.exe" : "lms")

const variable = (name: string) =>
  Config.string(name).pipe(
    Config.option,
    // a provider that cannot be read counts as an environment without the variable
    Effect.orElseSucceed(() => Option.none<string>())
  )

const home = Effect.flatMap(
  variable("HOME"),
  Option.match({ onNone: () => variable("USERPROFILE"), onSome: (found) => Effect.succeedSome(found) })
)

const onPath = Effect.fnUntraced(function* (name: string) {
  const path = yield* Path.Path
  const folders = Option.getOrElse(yield* variable("PATH"), () => "").split(isWindows(path) ? ";" : ":")
  return folders.filter((folder) => folder !== "").map((folder) => path.join(folder, name))
})

const inHomes = Effect.zipWith(homes, Path.Path, (folders, path) =>
  folders.map((folder) => path.join(folder, "bin", nameOn(path)))
)

const expandHome = Effect.fnUntraced(function* (name: string) {
  const path = yield* Path.Path
  const user = yield* home
  return Option.isSome(user) && /^~[/\\]/.test(name) ? path.join(user.value, name.slice(2)) : name
})

const isFile = (candidate: string) =>
  FileSystem.FileSystem.pipe(
    Effect.flatMap((files) => files.stat(candidate)),
    Effect.map(({ type }) => type === "File"),
    // absent or not readable: it does not exist for us
    Effect.orElseSucceed(() => false)
  )
