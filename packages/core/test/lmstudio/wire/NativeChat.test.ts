import { assert, describe, it } from "@effect/vitest"
import { decodeFrames, encodeRequest } from "#src/lmstudio/wire/NativeChat.ts"

const event = (body: { readonly type: string } & Record<string, unknown>) =>
  decodeFrames({ event: body.type, data: JSON.stringify(body) })

describe("NativeChat", () => {
  it("sends only keys that the route knows, and stores nothing unless requested", () => {
    assert.deepStrictEqual(encodeRequest({ model: "m", input: "hi" }), {
      model: "m",
      input: "hi",
      store: false,
      stream: true
    })
    assert.deepInclude(encodeRequest({ model: "m", input: "hi", store: true, previousResponseId: "resp_1" }), {
      store: true,
      previous_response_id: "resp_1"
    })
  })

  it("ignores unknown events, and tools that the server calls", () => {
    for (const type of ["prompt_processing.start", "tool_call.success", "something.new"]) {
      assert.deepStrictEqual(event({ type }), [{ _tag: "Noise" }])
    }
    assert.strictEqual(decodeFrames({ event: "message.delta", data: '{"type":"mess' })[0]?._tag, "Broken")
  })

  it("ignores everything after an error", () => {
    const [frame] = event({ type: "error", error: { type: "model_load_failed", message: "SIGABRT" } })
    assert.deepInclude(frame?._tag === "Fault" ? frame.facts : undefined, {
      type: "model_load_failed",
      message: "SIGABRT"
    })
  })
})
