import { assert, describe, it } from "@effect/vitest"
import { AgentLoop } from "#src/agent/AgentLoop.ts"
import type { Skill } from "#src/skills/Skill.ts"
import { Skills } from "#src/skills/Skills.ts"
import * as SkillTool from "#src/agent/tools/SkillTool.ts"
import * as TokenCount from "#src/lmstudio/TokenCount.ts"
import { SkillsTravel } from "#src/skills/SkillsTravel.ts"
import { Context, Effect, Either, Layer, Stream } from "effect"
import * as World from "./doubles.ts"

const skillOf = (name: string, description: string): Skill => ({
  name,
  description,
  path: `/skills/${name}/SKILL.md`,
  origin: "user",
  frontmatter: undefined
})

const steps = Array.from({ length: 400 }, (_, index) => `Step ${index + 1} of the release: do what it says.`)

const texts: Readonly<Record<string, string>> = {
  "SKILL.md": `---\nname: release\ndescription: x\n---\n\n${steps.join("\n")}`,
  "notes/style.md": "Write plainly."
}

const skills = [
  skillOf("letters", "Writes letters in the house style. Use it for letters to customers."),
  skillOf("release", "Makes a release: the version, the list of changes, the tag.")
]

const withSkills = (found: ReadonlyArray<Skill>) =>
  Layer.succeed(Skills, {
    found: Effect.succeed({ skills: found, problems: [], folders: [] }),
    chosen: (choice) => Effect.succeed(choice === "all" ? found : found.filter(({ name }) => choice.includes(name))),
    lasting: (choice) => Effect.succeed(choice === "all" ? found : []),
    files: () => Effect.succeed(Object.keys(texts)),
    read: (_, file) =>
      Effect.succeed(
        texts[file] === undefined
          ? Either.left(`There is no file "${file}" in this skill.`)
          : Either.right(new TextEncoder().encode(texts[file]))
      )
  })

const seenOf = (
  turns: World.World["turns"],
  options: Parameters<typeof World.task>[0] & { readonly contextLength?: number } = {},
  found = skills
) => {
  const { contextLength = 4096, ...task } = options
  return Effect.gen(function* () {
    const events = yield* World.run(World.task({ servers: { _tag: "None" }, ...task }))
    return { ...(yield* World.Seen), events }
  }).pipe(
    Effect.provide(
      World.layer({
        turns,
        servers: { main: { echo: World.echo } },
        lease: () => Effect.succeed({ ...World.ensured, contextLength })
      }).pipe(Layer.provide(withSkills(found)))
    )
  )
}

const headOf = (request: World.Seen["Type"]["requests"][number] | undefined) =>
  JSON.stringify([request?.tools, request?.messages[0]])

const toldIn = (request: World.Seen["Type"]["requests"][number] | undefined) => {
  const last = request?.messages.at(-1)
  return last?.role === "tool" ? last.content : ""
}

describe("skills in a run", () => {
  it.effect("are not there unless they are asked for", () =>
    Effect.gen(function* () {
      const { requests } = yield* seenOf(["done"])
      assert.notInclude(headOf(requests[0]), "open_skill")
    })
  )

  it.effect(
    "are told in one line each, and the head of the prompt is the same from request to request and from run to run",
    () =>
      Effect.gen(function* () {
        const open = (task: string) =>
          seenOf((index) => (index === 0 ? [World.call("open_skill", { name: "release" })] : "done"), {
            task,
            skills: "all"
          })
        const [one, two] = yield* Effect.all([open("Make a release."), open("Write to the customer.")])
        const [system] = one.requests[0]?.messages ?? []
        assert.include(
          system?.content,
          "- letters: Writes letters in the house style. Use it for letters to customers.\n- release: Makes a release:"
        )
        assert.include(system?.content, "except what open_skill shows")
        const heads = [...one.requests, ...two.requests].map(headOf)
        assert.lengthOf(heads, 4)
        assert.lengthOf([...new Set(heads)], 1)
      })
  )

  it.effect("that are named for the task are given with it, as far as fits", () =>
    Effect.gen(function* () {
      const { requests } = yield* seenOf(["done"], { skills: ["release"] })
      const [system, user] = requests[0]?.messages ?? []
      assert.include(system?.content, "given with the task")
      assert.match(
        String(user?.content),
        /^Do it\.\n\nDo it as the skill release says:\n```\nThe skill release, lines 1 to \d+ of 400:\nStep 1 of/
      )
      assert.match(String(user?.content), /Go on with "line": \d+\.\]/)
      assert.isBelow(String(user?.content).length, 3400)
    })
  )

  it.effect("that are far too long for 4096 tokens are opened in part, each with where the next one begins", () =>
    Effect.gen(function* () {
      const opening = (line: number) => [World.call("open_skill", { name: "release", line })]
      const beginning = yield* seenOf([opening(1), "done"], { skills: ["release"] })
      const [first] = [toldIn(beginning.requests[1])]
      const on = Number(/Go on with "line": (\d+)/.exec(first)?.[1])
      assert.isAbove(on, 20)
      const { requests } = yield* seenOf([opening(1), opening(on), opening(on * 2), "done"], { skills: ["release"] })
      assert.include(toldIn(requests[2]), `Step ${on} of the release`)
      assert.notInclude(toldIn(requests[2]), `Step ${on - 1} of the release`)
      // the account holds: what was opened before is shortened, and the head of the prompt stays
      assert.lengthOf(requests, 4)
      assert.lengthOf([...new Set(requests.map(headOf))], 1)
    })
  )

  it.effect("are read from their beginning to their end, whatever fits at once", () =>
    Effect.gen(function* () {
      const files = yield* Effect.provide(Skills, withSkills(skills))
      for (const maxBytes of [800, 3384, 100_000]) {
        const lines: Array<string> = []
        for (let line = 1; line > 0;) {
          const { content } = yield* SkillTool.call(skills, files, { name: "release", line }, maxBytes)
          const [part] = content
          const text = part?.type === "text" ? part.text : ""
          assert.isAtMost(text.length, maxBytes + 200)
          lines.push(...text.split("\n").filter((told) => told.startsWith("Step ")))
          line = Number(/Go on with "line": (\d+)/.exec(text)?.[1] ?? 0)
        }
        assert.deepStrictEqual(lines, steps)
      }
    })
  )

  it.effect("has files, of which one is opened by its name; a name that does not exist says which there are", () =>
    Effect.gen(function* () {
      const { requests } = yield* seenOf(
        [
          [World.call("open_skill", { name: "release" })],
          [World.call("open_skill", { name: "release", file: "notes/style.md" })],
          [World.call("open_skill", { name: "release", file: "../../x" })],
          [World.call("open_skill", { name: "zzz" })],
          // as small models call them
          [World.call("release", {})],
          [World.call("other", {})],
          "done"
        ],
        { skills: "all", contextLength: 32_768 }
      )
      assert.include(toldIn(requests[1]), 'Other files of it, for "file": notes/style.md')
      assert.notInclude(toldIn(requests[1]), "description:")
      assert.strictEqual(toldIn(requests[2]), "Write plainly.")
      assert.include(toldIn(requests[3]), 'There is no file "../../x" in this skill. It has notes/style.md.')
      assert.include(toldIn(requests[4]), 'There is no skill "zzz". There are: letters, release.')
      assert.include(toldIn(requests[5]), "Step 1 of the release")
      assert.include(toldIn(requests[6]), 'There is no tool "other", so nothing was run. There are: open_skill.')
    })
  )

  for (const travels of [true, false]) {
    it.effect(`${travels ? "go" : "do not go"} with a run that is carried out where they do not lie`, () => {
      const here = { are: true }
      const away = Layer.map(withSkills(skills), (context) => {
        const known = Context.get(context, Skills)
        return Context.make(Skills, {
          ...known,
          read: (skill, file) =>
            here.are
              ? known.read(skill, file)
              : Effect.succeed(Either.left(`There is no file "${file}" in this skill.`))
        })
      })
      const turns = [
        [World.call("open_skill", { name: "release" })],
        [World.call("open_skill", { name: "release", file: "notes/style.md" })],
        "done"
      ]
      return Effect.gen(function* () {
        const loop = yield* AgentLoop
        const begun = World.task({ servers: { _tag: "None" }, skills: "all" })
        const runId = yield* Effect.provideService(loop.begin(begun), SkillsTravel, travels)
        here.are = false
        yield* Stream.runDrain(loop.resume(runId))
        const { requests } = yield* World.Seen
        const [opened, file] = [toldIn(requests[1]), toldIn(requests[2])]
        if (!travels) return assert.include(opened, "cannot be read: /skills/release/SKILL.md is not on this machine.")
        assert.include(opened, "Step 1 of the release")
        assert.include(file, 'its file "notes/style.md" lies on the machine that handed the run in')
        // the lines of the prompt are the same
        assert.notInclude(String(requests[0]?.messages[0]?.content), "Step 1")
      }).pipe(Effect.provide(World.layer({ turns, servers: {} }).pipe(Layer.provide(away))))
    })
  }

  it.effect("that are too long to go with a run are cut, and say so", () =>
    Effect.gen(function* () {
      const long = "ü".repeat(20_000)
      const read = () => Effect.succeed(Either.right(new TextEncoder().encode(long)))
      const four = ["a", "b", "c", "d"].map((name) => skillOf(name, "It is long."))
      const texts = (yield* SkillTool.packed(four, { read })).map(({ text = "" }) => text)
      assert.isBelow(new TextEncoder().encode(texts.join("")).length, 66_000)
      for (const text of texts) {
        assert.match(text, /^ü*\n\[The rest is too long to go with a run to another machine\.\]$/)
      }
    })
  )

  it("take a share of the context at most, however many there are", () => {
    for (const count of [1, 5, 20, 100, 500]) {
      const many = Array.from({ length: count }, (_, index) =>
        skillOf(`skill-number-${index}`, "Does a thing that takes long to say. ".repeat(6))
      )
      for (const contextLength of [4096, 8192, 32_768]) {
        const tokens = SkillTool.tokensFor(contextLength)
        const lines = SkillTool.paragraph(many, tokens).split("\n").slice(1).join("\n")
        assert.isAtMost(TokenCount.ofText(lines), tokens)
        assert.isAtMost(tokens, contextLength / 20)
        assert.include(lines, "skill-number-0")
        if (count === 500) assert.match(lines, /, and \d+ more$/)
      }
    }
  })
})
