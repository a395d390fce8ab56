import { FileSystem } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import * as DelegateTexts from "#src/mcp/install/DelegateTexts.ts"
import { Skills } from "#src/skills/Skills.ts"
import { ConfigProvider, Effect, Either, Layer } from "effect"

const skill = (name: string, description = `Does ${name}.`) =>
  `---\nname: ${name}\ndescription: ${description}\n---\n\nThe way of ${name}.\n`

/** A home with skills, of which each is a path below it and a text. */
const inHome = <A, E>(
  files: Readonly<Record<string, string>>,
  use: (home: string) => Effect.Effect<A, E, FileSystem.FileSystem>
) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const home = yield* fs.makeTempDirectoryScoped()
    for (const [name, text] of Object.entries(files)) {
      const file = `${home}/${name}`
      yield* fs.makeDirectory(file.slice(0, file.lastIndexOf("/")), { recursive: true })
      yield* fs.writeFileString(file, text)
    }
    return yield* Effect.provide(
      use(home),
      Skills.layer.pipe(
        Layer.provideMerge(NodeContext.layer),
        Layer.provide(Layer.setConfigProvider(ConfigProvider.fromMap(new Map([["HOME", home]]))))
      )
    )
  }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))

describe("the skills of a user", () => {
  it.effect("are those in the folders of the clients, by name, each once", () =>
    inHome(
      {
        ".claude/skills/b/SKILL.md": skill("b"),
        ".claude/skills/notes.txt": "no skill",
        ".claude/skills/empty/README.md": "no skill",
        ".agents/skills/a/SKILL.md": skill("a"),
        ".agents/skills/b/SKILL.md": skill("b", "Another one."),
        ".claude/skills/lms-bridge-delegate/SKILL.md": DelegateTexts.skill("lms-bridge")
      },
      () =>
        Effect.gen(function* () {
          const skills = yield* Skills
          const found = yield* skills.found
          assert.deepStrictEqual(
            found.skills.map(({ description, name }) => [name, description]),
            [
              ["a", "Does a."],
              ["b", "Does b."]
            ]
          )
          assert.lengthOf(found.folders, 2)
          assert.deepStrictEqual(
            (yield* skills.chosen(["b", "a", "b"])).map(({ name }) => name),
            ["a", "b"]
          )
          assert.lengthOf(yield* skills.chosen("all"), 2)
          assert.deepStrictEqual(yield* skills.chosen([]), [])
          const error = yield* Effect.flip(skills.chosen(["aa"]))
          assert.strictEqual(error.message, 'There is no skill "aa". Did you mean a?')
          // a setting holds where some of them are not, too
          assert.deepStrictEqual(
            (yield* skills.lasting(["b", "gone"])).map(({ name }) => name),
            ["b"]
          )
        })
    )
  )

  it.effect("that are broken are read as far as they go, and told", () =>
    inHome(
      {
        ".claude/skills/colon/SKILL.md": "---\nname: colon\ndescription: So: it is\n---\nText.",
        ".claude/skills/nothing/SKILL.md": ""
      },
      () =>
        Effect.gen(function* () {
          const { problems, skills } = yield* Effect.flatMap(Skills, ({ found }) => found)
          assert.deepStrictEqual(
            skills.map(({ description, frontmatter, name }) => [name, description, frontmatter]),
            [["colon", "So: it is", undefined]]
          )
          assert.match(problems[0]?.problem ?? "", /not valid YAML/)
          assert.match(problems[1]?.problem ?? "", /no description.*left out/)
        })
    )
  )

  it.effect("show their files, and none that lies elsewhere", () =>
    inHome(
      {
        ".claude/skills/a/SKILL.md": skill("a"),
        ".claude/skills/a/references/more.md": "More.",
        ".claude/skills/a/.hidden": "x",
        "secret.txt": "a secret"
      },
      (home) =>
        Effect.gen(function* () {
          const fs = yield* FileSystem.FileSystem
          yield* fs.symlink(`${home}/secret.txt`, `${home}/.claude/skills/a/link.txt`)
          const skills = yield* Skills
          const [a = { path: "" }] = yield* skills.chosen("all")
          assert.deepStrictEqual(yield* skills.files(a), ["SKILL.md", "link.txt", "references/more.md"])
          const textOf = (file: string) =>
            Effect.map(
              skills.read(a, file),
              Either.map((bytes) => new TextDecoder().decode(bytes))
            )
          assert.deepStrictEqual(yield* textOf("references/more.md"), Either.right("More."))
          assert.deepStrictEqual(yield* textOf("./references/../references/more.md"), Either.right("More."))
          for (const file of ["link.txt", "../../../secret.txt", `${home}/secret.txt`, "references", "none.md", ".."]) {
            assert.deepStrictEqual(yield* textOf(file), Either.left(`There is no file "${file}" in this skill.`))
          }
        })
    )
  )
})
