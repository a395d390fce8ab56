import { assert, describe, it } from "@effect/vitest"
import * as Question from "#src/terminal/approval/Question.ts"
import * as FileEdit from "#src/terminal/approval/FileEdit.ts"
import * as Palette from "#src/views/Palette.ts"
import { Effect } from "effect"

const style = { palette: Palette.plain, policy: "/home/me/policy.json" }
const request = { server: "files", tool: "delete", arguments: { path: "a" }, reason: "the tool can destroy something" }

describe("the question for approval", () => {
  it("has the call, the reason as a sentence, and the answers", () => {
    assert.strictEqual(
      Question.text(request, [], style),
      [
        'files delete {"path":"a"}',
        "  The tool can destroy something.",
        "  Allow it? y yes, n no, a this tool in this run, p this tool always (in /home/me/policy.json), d details:"
      ].join("\n")
    )
    assert.notInclude(Question.text(request, [], { ...style, policy: undefined }), "p this tool always")
  })

  it("has the change in place of the arguments", () => {
    const text = Question.text(request, ["a.ts", "-  old\u001b[2J", "+\tnew"], style)
    assert.include(text, "files delete\n  a.ts\n  -  old [2J\n  +  new\n  The tool")
  })

  it("knows its answers, and no others", () => {
    for (const [typed, answer] of [
      ["y", "yes"],
      [" YES ", "yes"],
      ["n", "no"],
      ["a", "run"],
      ["p", "always"],
      ["d", "details"],
      ["?", "details"],
      ["", undefined],
      ["yy", undefined],
      ["y\ny", undefined],
      ["constructor", undefined]
    ] as const) {
      assert.strictEqual(Question.answerOf(typed, style), answer, typed)
    }
    assert.isUndefined(Question.answerOf("p", { policy: undefined }))
    assert.match(Question.again("?!", style), /^"\?!" is no answer\. Allow it\?/)
    assert.match(Question.again("", style), /^That is no answer\. Allow it\?/)
  })

  it("shows all arguments on request", () => {
    const content = "x".repeat(1000)
    assert.include(Question.details({ ...request, arguments: { content } }), content)
  })
})

const change = (tool: string, args: Readonly<Record<string, unknown>>, before?: string) => {
  const edit = FileEdit.of({ tool, arguments: args })
  return edit === undefined ? undefined : Effect.runPromise(FileEdit.lines(edit, before, 4))
}

describe("the change of a file", () => {
  it("is a diff of what a tool writes, by whatever names", async () => {
    const diff = ["a.md", "-one", "+two", " three"]
    for (const [tool, args] of [
      ["write_file", { path: "a.md", content: "two\nthree\n" }],
      ["edit_file", { path: "a.md", edits: [{ oldText: "one", newText: "two" }] }],
      ["str_replace", { file_path: "a.md", old_string: "one", new_string: "two" }]
    ] as const) {
      assert.deepStrictEqual(await change(tool, args, "one\nthree\n"), diff, tool)
    }
  })

  it("says that a file is new, that nothing changes, and how much is not shown", async () => {
    const args = { path: "a.md", content: "1\n2\n3\n4\n5\n6\n" }
    assert.deepStrictEqual(await change("write_file", args), [
      "a.md (new)",
      "+1",
      "+2",
      "+3",
      "+4",
      "  … 2 more lines; d shows the whole"
    ])
    assert.deepStrictEqual(await change("write_file", args, args.content), ["a.md", "  nothing changes"])
  })

  it("shows an edit that does not fit as it is", async () => {
    const args = { path: "a.md", edits: [{ oldText: "gone", newText: "new" }] }
    assert.deepStrictEqual(await change("edit_file", args, "other"), ["a.md", "-gone", "+new"])
  })

  it("is none where no file is written as a whole", () => {
    for (const [tool, args] of [
      ["read_file", { path: "a", content: "x" }],
      ["append_file", { path: "a", content: "x" }],
      ["write_file", { path: 1, content: "x" }],
      ["write_file", { path: "a" }],
      ["edit_file", { path: "a", edits: [{ oldText: "x" }] }]
    ] as const) {
      assert.isUndefined(FileEdit.of({ tool, arguments: args }), tool)
    }
  })
})
