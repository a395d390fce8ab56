/** The skills on this machine: found when they are asked for, and read from where they lie. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { homeFolder } from "../machine/HomeFolder.ts"
import { nearest } from "../names/nearest.ts"
import { type Skill, SkillNotFound, type SkillProblem } from "./Skill.ts"
import * as SkillFolders from "./SkillFolders.ts"

/** Which skills: all of the user, or those with these names, which may be the project's too. */
export type SkillChoice = "all" | ReadonlyArray<string>

export interface Found {
  readonly skills: ReadonlyArray<Skill>
  readonly problems: ReadonlyArray<SkillProblem>
  /** The folders that there are. */
  readonly folders: ReadonlyArray<SkillFolders.SkillFolder>
}

/** Where nothing else is provided, there are none. */
export class Skills extends Context.Reference<Skills>()("@lms-bridge/core/skills/Skills", {
  defaultValue: (): {
    /** All of them, by name; of two with the same name, the one in the earlier folder. */
    readonly found: Effect.Effect<Found>
    /** For a run: each name must be that of a skill. */
    readonly chosen: (choice: SkillChoice) => Effect.Effect<ReadonlyArray<Skill>, SkillNotFound>
    /** By a setting, which holds in every folder: those of the user that there are. */
    readonly lasting: (choice: SkillChoice) => Effect.Effect<ReadonlyArray<Skill>>
    /** The files of a skill, relative to its folder and with slashes, SKILL.md first. */
    readonly files: (skill: Pick<Skill, "path">) => Effect.Effect<ReadonlyArray<string>>
    /** A file of a skill; a sentence where there is no such file in its folder. */
    readonly read: (skill: Pick<Skill, "path">, file: string) => Effect.Effect<Either.Either<Uint8Array, string>>
  } => ({
    found: Effect.succeed({ skills: [], problems: [], folders: [] }),
    chosen: (choice) => chosenOf([], choice),
    lasting: () => Effect.succeed([]),
    files: () => Effect.succeed([]),
    read: (_, file) => Effect.succeed(Either.left(`There is no file "${file}".`))
  })
}) {
  static readonly layer: Layer.Layer<Skills, never, FileSystem.FileSystem | Path.Path> = Layer.effect(
    this,
    Effect.suspend(() => make)
  )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** A file that is longer is read as far as this. */
const mostBytes = 1_000_000

const mostSkills = 500

/** Files of a skill: as many as every client has to take (SEP-2640). */
const mostFiles = 512

/** Bytes of a file, and of all files of a skill (SEP-2640). */
const mostSize = 16 * 1024 * 1024

/** A skill that lms-bridge wrote for other assistants would have the local model hand work to itself. */
const delegateMark = "written by lms-bridge install --delegate"

const chosenOf = (all: ReadonlyArray<Skill>, choice: SkillChoice): Effect.Effect<ReadonlyArray<Skill>, SkillNotFound> =>
  choice === "all"
    ? Effect.succeed(all.filter(({ origin }) => origin === "user"))
    : Effect.map(
        Effect.forEach(new Set(choice), (wanted) => {
          const skill = all.find(({ name }) => name === wanted)
          const names = all.map(({ name }) => name)
          return skill === undefined
            ? new SkillNotFound({ skill: wanted, nearest: nearest(wanted, names), known: all.length })
            : Effect.succeed(skill)
        }),
        // the same head of the prompt, in whichever order they were named
        (skills) => skills.toSorted(byName)
      )

const isNone = (choice: SkillChoice) => choice !== "all" && choice.length === 0

const byName = (a: { readonly name: string }, b: { readonly name: string }) =>
  a.name < b.name ? -1 : a.name > b.name ? 1 : 0

const variable = (name: string) => Effect.map(Effect.option(Config.nonEmptyString(name)), Option.getOrUndefined)

const make = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const places = SkillFolders.folders(path, {
    home: Option.getOrUndefined(yield* homeFolder),
    cwd: path.resolve(),
    claudeHome: yield* variable("CLAUDE_CONFIG_DIR"),
    configHome: yield* variable("XDG_CONFIG_HOME")
  })
  const named = (folder: string) => Effect.map(fs.readDirectory(folder), (names) => names.toSorted())
  const beginning = (file: string) =>
    Effect.map(Effect.scoped(Effect.flatMap(fs.open(file), (open) => open.readAlloc(mostBytes))), (bytes) =>
      new TextDecoder().decode(Option.getOrElse(bytes, () => new Uint8Array()))
    )

  const isBelow = (folder: string, place: string) => {
    const below = path.relative(folder, place)
    return below !== "" && !below.startsWith("..") && !path.isAbsolute(below)
  }

  const one = (folder: string, name: string, origin: Skill["origin"]) => {
    const file = path.join(folder, name, "SKILL.md")
    return Effect.gen(function* () {
      // other files in the folder are no skills, and neither is a folder without one
      if (!(yield* Effect.orElseSucceed(fs.exists(file), () => false))) return undefined
      // what came with the folder shows nothing of what lies elsewhere
      if (origin === "project" && !isBelow(yield* fs.realPath(path.resolve()), yield* fs.realPath(file)))
        return undefined
      const text = yield* beginning(file)
      if (text.includes(delegateMark)) return undefined
      const { read } = yield* Effect.promise(() => import("./SkillText.ts"))
      const { problem, ...skill } = read(text, name)
      const found: Skill = { ...skill, path: file, origin }
      return skill.description === ""
        ? { problem: { path: file, problem: `${problem} It is left out.` } }
        : { skill: found, ...(problem === "" ? {} : { problem: { path: file, problem } }) }
    }).pipe(
      Effect.orElseSucceed(() => ({
        problem: { path: file, problem: "It cannot be read, so it is left out. See its permissions." }
      }))
    )
  }

  const found = Effect.gen(function* () {
    const folders: Array<SkillFolders.SkillFolder> = []
    const skills = new Map<string, Skill>()
    const problems: Array<SkillProblem> = []
    for (const place of places) {
      const names = yield* Effect.option(named(place.path))
      if (Option.isNone(names)) continue
      folders.push(place)
      const each = yield* Effect.forEach(
        names.value.slice(0, mostSkills),
        (name) => one(place.path, name, place.origin),
        {
          concurrency: 8
        }
      )
      for (const entry of each) {
        if (entry?.problem !== undefined) problems.push(entry.problem)
        if (entry !== undefined && "skill" in entry && !skills.has(entry.skill.name)) {
          skills.set(entry.skill.name, entry.skill)
        }
      }
    }
    return { skills: [...skills.values()].toSorted(byName), problems, folders }
  }).pipe(Effect.withSpan("Skills.found"))

  const files = (skill: Pick<Skill, "path">) => {
    const within = (folder: string, prefix: string, depth: number): Effect.Effect<ReadonlyArray<string>> =>
      Effect.gen(function* () {
        const all: Array<string> = []
        for (const name of yield* Effect.orElseSucceed(named(folder), () => [])) {
          if (all.length > mostFiles) break
          const place = path.join(folder, name)
          const info = yield* Effect.option(fs.stat(place))
          if (Option.isNone(info) || name.startsWith(".")) continue
          if (info.value.type === "File") all.push(`${prefix}${name}`)
          if (info.value.type === "Directory" && depth < 8) {
            all.push(...(yield* within(place, `${prefix}${name}/`, depth + 1)))
          }
        }
        return all
      })
    return Effect.map(within(path.dirname(skill.path), "", 0), (all) => [
      "SKILL.md",
      ...all.filter((name) => name !== "SKILL.md")
    ])
  }

  return {
    found,
    chosen: (choice: SkillChoice) =>
      isNone(choice) ? Effect.succeed([]) : Effect.flatMap(found, ({ skills }) => chosenOf(skills, choice)),
    lasting: (choice: SkillChoice) =>
      isNone(choice)
        ? Effect.succeed([])
        : Effect.map(found, ({ skills }) =>
            skills.filter(({ name, origin }) => origin === "user" && (choice === "all" || choice.includes(name)))
          ),
    files,
    read: Effect.fn("Skills.read")(function* (skill: Pick<Skill, "path">, file: string) {
      const folder = path.dirname(skill.path)
      const none = Either.left(`There is no file "${file}" in this skill.`)
      const place = path.resolve(folder, file.replace(/^\.?[/\\]+/, ""))
      const real = yield* Effect.option(Effect.all([fs.realPath(folder), fs.realPath(place), fs.stat(place)]))
      if (Option.isNone(real)) return none
      const [home, target, { size, type }] = real.value
      // by whatever name, and through whatever link; its SKILL.md was judged when it was found
      if (type !== "File" || (place !== skill.path && !isBelow(home, target))) return none
      if (Number(size) > mostSize) return Either.left(`The file "${file}" is too large to be read.`)
      return yield* Effect.match(fs.readFile(target), {
        onFailure: () => none,
        onSuccess: (bytes) => Either.right(bytes)
      })
    })
  }
})
