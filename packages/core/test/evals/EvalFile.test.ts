import { assert, describe, it } from "@effect/vitest"
import { NodeContext } from "@effect/platform-node"
import * as FileSystem from "@effect/platform/FileSystem"
import * as EvalFile from "#src/evals/EvalFile.ts"
import * as EvalText from "#src/evals/EvalText.ts"
import { Duration, Effect, Either } from "effect"

const problems = (text: string) => Either.match(EvalText.parse(text), { onLeft: (all) => all, onRight: () => [] })

const withCheck = (check: string) => `task: Do it.\ncheck: ${check}`

describe("the file of a task", () => {
  it("is YAML, or JSON, which is a part of it", () => {
    const wanted = {
      task: "Say hello.",
      limits: { rounds: 3, time: "2m" },
      check: { answer: { contains: ["hello", "there"], matches: "(?i)^HELLO" } }
    }
    for (const text of [
      JSON.stringify(wanted),
      "task: Say hello.\nlimits: { rounds: 3, time: 2m }\ncheck:\n  answer:\n    contains: [hello, there]\n    matches: (?i)^HELLO\n"
    ]) {
      const task = Either.getOrThrow(EvalText.parse(text))
      assert.deepStrictEqual(task.check, wanted.check)
      assert.deepStrictEqual(task.limits?.time, Duration.minutes(2))
    }
    const seconds = Either.getOrThrow(EvalText.parse(`${withCheck("{ answer: { equals: a } }")}\nlimits: { time: 90 }`))
    assert.deepStrictEqual(seconds.limits?.time, Duration.seconds(90))
  })

  it.each([
    ["an unknown key", withCheck("{ answer: { equals: a } }") + "\ntaks: x", /^taks: is unexpected/],
    ["one within", withCheck("{ answer: { equal: a } }"), /^check\.answer\.equal: is unexpected/],
    ["no task", "check: { answer: { equals: a } }", /^task: is missing/],
    ["an empty task", 'task: ""\ncheck: { answer: { equals: a } }', /^task: .*at least 1 character/],
    ["no check", "task: x", /^check: is missing/],
    ["an empty check", withCheck("{}"), /^check: says nothing to check/],
    ["an empty part", withCheck("{ files: { a.txt: {} } }"), /^check\.files\.a\.txt: says nothing to check/],
    ["a bad pattern", withCheck("{ answer: { matches: '(' } }"), /^check\.answer\.matches: the pattern cannot be used/],
    [
      "a bad schema",
      withCheck("{ answer: { schema: { type: 5 } } }"),
      /^check\.answer\.schema: the JSON Schema is not/
    ],
    ["a place elsewhere", withCheck("{ files: { ../a.txt: { exists: true } } }"), /not a path inside the folder/],
    ["an absolute place", withCheck("{ answer: { equals: a } }") + "\nfiles: { /etc/x: a }", /not a path inside/],
    ["no duration", withCheck("{ answer: { equals: a } }") + "\nlimits: { time: soon }", /^limits\.time: /],
    [
      "no time",
      withCheck("{ answer: { equals: a } }") + "\nlimits: { time: 0 }",
      /^limits\.time: .*longer than nothing/
    ],
    ["a key twice", "task: a\ntask: b\ncheck: { answer: { equals: a } }", /^line 2: Map keys must be unique/],
    ["no YAML", "task: [", /^line 1: /],
    ["nothing", "", /^the whole: /]
  ])("%s is named", (_, text, wanted) => {
    assert.match(problems(text).join("\n"), wanted)
  })

  it("has a JSON Schema with a word on each key", () => {
    const text = JSON.stringify(EvalText.jsonSchema())
    for (const part of ['"additionalProperties":false', "What the model is asked to do.", "A program that decides"]) {
      assert.include(text, part)
    }
  })
})

describe("a folder of tasks", () => {
  const inFolder = Effect.fnUntraced(function* (files: Readonly<Record<string, string>>) {
    const fs = yield* FileSystem.FileSystem
    const folder = yield* fs.makeTempDirectoryScoped()
    yield* fs.makeDirectory(`${folder}/fixtures`)
    for (const [name, text] of Object.entries(files)) yield* fs.writeFileString(`${folder}/${name}`, text)
    return folder
  })
  const good = withCheck("{ answer: { equals: a } }")

  it.scoped("is read in the order of the names, without what is no task", () =>
    Effect.gen(function* () {
      const folder = yield* inFolder({
        "b.yml": good,
        "a.yaml": good,
        ".c.yaml": "x",
        "task.schema.json": "{}",
        "n.md": ""
      })
      const tasks = yield* EvalFile.read(folder)
      assert.deepStrictEqual(
        tasks.map(({ name }) => name),
        ["a", "b"]
      )
      const one = yield* EvalFile.read(`${folder}/b.yml`)
      assert.deepStrictEqual(
        one.map(({ name, folder: at }) => [name, at]),
        [["b", folder]]
      )
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("fails with everything that is wrong, each with its file", () =>
    Effect.gen(function* () {
      const folder = yield* inFolder({ "a.yaml": "task: x", "b.json": good, "b.yaml": good, "c.json": "{" })
      const { message } = yield* Effect.flip(EvalFile.read(folder))
      assert.match(message, /^a\.yaml: check: is missing\nc\.json: line 1: .*\nTwo files are named b\. Rename one\.$/)
      const none = yield* Effect.flip(EvalFile.read(`${folder}/fixtures`))
      assert.match(none.message, /^No task is in .*ends in \.yaml/)
      const missing = yield* Effect.flip(EvalFile.read(`${folder}/nowhere`))
      assert.match(missing.message, /^There is no file or folder/)
    }).pipe(Effect.provide(NodeContext.layer))
  )
})
