import { assert, describe, it } from "@effect/vitest"
import * as Escapes from "#src/agent/schema/Escapes.ts"
import { check } from "#src/agent/schema/ToolArguments.ts"
import { Either, FastCheck } from "effect"

const raw = String.raw
const tool = { server: "main", name: "t", description: "", inputSchema: { type: "object" }, annotations: {} }
const read = (json: string) => check(tool, "t", json, { whole: true })
const valueOf = (json: string) => {
  const checked = read(json)
  return checked._tag === "Fit" ? checked.arguments["v"] : checked
}

describe("Escapes", () => {
  it.each([
    raw`C:\Users\docs`,
    raw`D:\Work\Projects\ideas`,
    raw`\d+\.txt`,
    raw`^\w+\s*$`,
    raw`\alpha + \sqrt{x}`,
    raw`\Users`,
    raw`50\% off`
  ])("%s is that text: JSON knows none of its escapes", (text) => {
    assert.strictEqual(valueOf(`{"v": "${text}"}`), text)
    assert.strictEqual(valueOf(`{'v': '${text}'}`), text)
  })

  it.each([
    raw`C:\Users\docs\n.txt`,
    raw`C:\temp\new.txt`,
    raw`C:\temp\my notes.txt`,
    raw`C:\build`,
    raw`del C:\temp\new.txt`,
    raw`cd "C:\new\x.d"`.replaceAll('"', "'"),
    raw`\\server\share\docs`,
    raw`\\server\new`,
    raw`..\temp\notes`,
    raw`%APPDATA%\npm\x`,
    raw`\d+\n`,
    raw`\bword\b`,
    raw`\frac{1}{2}`,
    raw`\U0001F600`,
    raw`\x41`,
    raw`It\'s`,
    raw`^\/api\/\d+$`
  ])("%s has two readings and is asked about", (text) => {
    const checked = read(`{"v": "${text}"}`)
    assert.include(checked._tag === "Unfit" ? checked.told : "", "can be read in two ways")
  })

  it.each([
    [raw`C:\\Users\\docs\\n.txt`, raw`C:\Users\docs\n.txt`],
    [raw`C:\\temp\\new.txt`, raw`C:\temp\new.txt`],
    ["C:/temp/new.txt", "C:/temp/new.txt"],
    [raw`\\\\server\\new`, raw`\\server\new`],
    [raw`C:\u0009emp`, "C:\temp"],
    [raw`a\nb\tc`, "a\nb\tc"],
    [raw`one.txt\ntwo.txt`, "one.txt\ntwo.txt"],
    [raw`say \"hi\" \\o/`, raw`say "hi" \o/`],
    [raw`\u00e9\ud83d\ude00`, "é😀"],
    [raw`Q:\nWhy is it so?\nA:\nNobody knows.`, "Q:\nWhy is it so?\nA:\nNobody knows."],
    [raw`Q:\n A:\n`, "Q:\n A:\n"]
  ])("%s is what JSON says", (written, text) => {
    assert.strictEqual(valueOf(`{"v": "${written}"}`), text)
  })

  it("never changes a text that is written as JSON", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.fullUnicodeString(), (text) => {
        const json = JSON.stringify({ v: text })
        const read = Escapes.read(json)
        if (Either.isRight(read)) assert.strictEqual(read.right, json)
        // ambiguous although it is valid JSON
        else assert.match(text, /[\b\f]|[a-z~.%\w][\t\n\r]\w/i)
      })
    )
  })

  it("never loses a backslash of an accepted text", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.stringOf(FastCheck.constantFrom(..."\\\\\\dUwx:./ 'a")), (text) => {
        const value = valueOf(`{"v": "${text}"}`)
        if (typeof value === "string" && !text.includes("\\\\") && !text.includes("\\/"))
          assert.strictEqual(value, text)
      })
    )
  })

  it("takes bounded time for long texts", () => {
    assert.isTrue(Either.isRight(Escapes.read('"\\'.repeat(200_000))))
    assert.isTrue(Either.isRight(Escapes.read(`"${"\\\\".repeat(200_000)}"`)))
    assert.isTrue(Either.isRight(Escapes.read(`"${" C:\\n".repeat(100_000)}"`)))
  })
})
