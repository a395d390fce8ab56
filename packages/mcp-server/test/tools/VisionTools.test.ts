import { assert, describe, it } from "@effect/vitest"
import { Settings } from "@lms-bridge/core/Settings"
import { ImageRefused, Images } from "@lms-bridge/core/Images"
import type { ChatRequest } from "@lms-bridge/core/LmStudioApi"
import { ModelLifecycle } from "@lms-bridge/core/ModelLifecycle"
import * as VisionTools from "#src/tools/VisionTools.ts"
import * as LmStudioApiTest from "@lms-bridge/testing/LmStudioApiTest"
import { always } from "@lms-bridge/testing/Scripted"
import { Effect, Layer } from "effect"
import { callTool, connected, textOf } from "../connected.ts"

interface Seen {
  readonly model: string | undefined
  readonly messages: ChatRequest["messages"]
}

const services = (seen: Array<Seen>) =>
  Layer.mergeAll(
    Layer.mock(Images, {
      load: (source) =>
        source === "bad.png"
          ? new ImageRefused({ source, reason: "NotFound" })
          : Effect.succeed({ kind: "image/png", bytes: 1, dataUrl: `data:image/png;base64,${source}` })
    }),
    Layer.mock(ModelLifecycle, {
      withModel: (model) => (use) =>
        use({
          ensured: Effect.die("unused"),
          chat: () => assert.fail(),
          chatWith: ({ messages }) => {
            seen.push({ model, messages })
            return Effect.succeed(LmStudioApiTest.reply("A cat."))
          }
        })
    }),
    LmStudioApiTest.layerTest({
      models: [
        always(
          Effect.succeed([
            LmStudioApiTest.apiModel("qwen3-8b", { vision: false, instances: [{ id: "qwen3-8b" }] }),
            LmStudioApiTest.apiModel("gemma-3-4b", { vision: true, instances: [{ id: "gemma-3-4b" }] })
          ])
        )
      ]
    }),
    Settings.layerWith({})
  )

describe("tools that show images", () => {
  it.scoped("give the images, then the question, to a vision model", () =>
    Effect.suspend(() => {
      const seen: Array<Seen> = []
      return Effect.gen(function* () {
        const { client } = yield* connected(VisionTools.tools)
        const result = yield* callTool(client, "vision_analyze", { task: "What?", images: ["a", "b"], detail: "high" })
        assert.strictEqual(result.content[0]?.text, "A cat.")
        assert.deepStrictEqual(seen, [
          {
            model: "gemma-3-4b",
            messages: [
              {
                role: "user",
                content: [
                  { type: "image", dataUrl: "data:image/png;base64,a" },
                  { type: "image", dataUrl: "data:image/png;base64,b" },
                  { type: "text", text: "What?" }
                ]
              }
            ]
          }
        ])
      }).pipe(Effect.provide(services(seen)))
    })
  )

  it.scoped("refuse a model without vision, a bad image and a single image to compare, without a request", () =>
    Effect.suspend(() => {
      const seen: Array<Seen> = []
      return Effect.gen(function* () {
        const { client } = yield* connected(VisionTools.tools)
        const blind = yield* callTool(client, "vision_analyze", { task: "What?", images: "a", model: "qwen3-8b" })
        assert.include(textOf(blind), '"qwen3-8b" cannot see images. These can: gemma-3-4b (loaded).')
        const bad = yield* callTool(client, "describe_image", { image: "bad.png" })
        assert.include(textOf(bad), 'The image "bad.png" does not exist.')
        const lone = yield* callTool(client, "compare_images", { images: ["a"] })
        assert.include(textOf(lone), "give at least two images")
        assert.deepStrictEqual(seen, [])
      }).pipe(Effect.provide(services(seen)))
    })
  )

  it.scoped("ask one thing each", () =>
    Effect.suspend(() => {
      const seen: Array<Seen> = []
      return Effect.gen(function* () {
        const { client } = yield* connected(VisionTools.tools)
        yield* callTool(client, "analyze_image", { image: "a", prompt: "Which colour?" })
        yield* callTool(client, "describe_image", { image: "a", style: "brief" })
        yield* callTool(client, "compare_images", { images: ["a", "b"], comparison_type: "both" })
        yield* callTool(client, "extract_text_from_image", { image: "a" })
        yield* callTool(client, "identify_objects", { image: "a" })
        yield* callTool(client, "answer_about_image", { image: "a", question: "How many?" })
        const asked = seen.map(({ messages: [message] }) =>
          typeof message?.content === "string"
            ? ""
            : message?.content.map((part) => (part.type === "text" ? part.text : "")).join("")
        )
        for (const [index, words] of [
          "Which colour?",
          "one or two sentences",
          "these 2 images: what they have in common and how they differ",
          "all text in this image",
          "List the objects",
          "How many?"
        ].entries()) {
          assert.include(asked[index], words)
        }
      }).pipe(Effect.provide(services(seen)))
    })
  )
})
