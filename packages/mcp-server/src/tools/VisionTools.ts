/**
 * Tools that show images to a local vision model.
 */
import type { Settings } from "@lms-bridge/core/Settings"
import { Images } from "@lms-bridge/core/Images"
import type { LmStudioApi } from "@lms-bridge/core/LmStudioApi"
import { ModelFit, ModelName } from "@lms-bridge/core/ModelCatalog"
import { ModelLifecycle } from "@lms-bridge/core/ModelLifecycle"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { argument, maxTokens, model, option, optional } from "./Fields.ts"
import { ask, Completion, textOf } from "./InferenceTools.ts"
import { loadProgress } from "./ModelTools.ts"
import * as Tool from "./Tool.ts"

const Sources = Schema.Union(Schema.NonEmptyString, Schema.Array(Schema.NonEmptyString).pipe(Schema.minItems(1))).pipe(
  Schema.annotations({ jsonSchema: { type: ["string", "array"], items: { type: "string" } } })
)

/** Accepted and ignored: LM Studio has no such hint, and scales images for the model itself. */
const detail = optional(Schema.Literal("auto", "low", "high"))

export const visionAnalyze = Tool.make({
  name: "vision_analyze",
  title: "Ask about images",
  description:
    "A local vision model answers a question about one or more images. Use it when an image should not leave this machine, or for many images; it needs a model with vision.",
  elsewhere: { list_models: "list_models shows which have it." },
  annotations: { readOnlyHint: true },
  long: true,
  input: Schema.Struct({
    task: Schema.NonEmptyString,
    images: argument(Sources, "Each a path, an http(s) URL or base64"),
    model,
    max_tokens: maxTokens("Longest answer", 2048),
    detail
  }),
  output: Completion,
  listed: [],
  text: textOf,
  handler: ({ images, max_tokens, model, task }, progress) =>
    look({ images: typeof images === "string" ? [images] : images, prompt: task, model, max_tokens }, progress)
})

/** A tool with a fixed question. */
const canned = <A, I>(options: {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly elsewhere?: Readonly<Record<string, string>>
  readonly input: Schema.Schema<A, I>
  readonly asks: (input: A) => { readonly images: ReadonlyArray<string>; readonly prompt: string }
}) =>
  Tool.make({
    ...options,
    annotations: { readOnlyHint: true },
    long: true,
    output: Completion,
    listed: [],
    text: textOf,
    handler: (input, progress) => look(options.asks(input), progress)
  })

const image = argument(Schema.NonEmptyString, "Path, http(s) URL or base64")

export const analyzeImage = canned({
  name: "analyze_image",
  title: "Analyse an image",
  description: "A local vision model says what an image shows and what is unusual in it.",
  elsewhere: { answer_about_image: "For a question of your own, answer_about_image." },
  input: Schema.Struct({ image, prompt: optional(Schema.NonEmptyString), detail }),
  asks: ({ image, prompt = "Analyse this image: what it shows, what matters in it, and anything unusual." }) => ({
    images: [image],
    prompt
  })
})

const styles: Readonly<Record<string, string>> = {
  detailed: "Describe this image in detail: subjects, setting, colours, mood and text.",
  brief: "Describe this image in one or two sentences.",
  creative: "Describe this image vividly, as a writer would.",
  technical: "Describe this image technically: composition, perspective, light, quality and how it may have been made."
}

export const describeImage = canned({
  name: "describe_image",
  title: "Describe an image",
  description: "A local vision model describes an image in one of four styles.",
  input: Schema.Struct({
    image,
    style: option(Schema.Literal("detailed", "brief", "creative", "technical"), "How to describe it", "detailed"),
    detail
  }),
  asks: ({ image, style = "detailed" }) => ({ images: [image], prompt: styles[style] ?? "" })
})

const comparisons: Readonly<Record<string, string>> = {
  differences: "how they differ",
  similarities: "what they have in common",
  both: "what they have in common and how they differ"
}

export const compareImages = canned({
  name: "compare_images",
  title: "Compare images",
  description: "A local vision model says how two or more images differ, or what they have in common.",
  input: Schema.Struct({
    images: argument(
      Schema.Array(Schema.NonEmptyString).pipe(Schema.minItems(2, { message: () => "give at least two images" })),
      "Each a path, an http(s) URL or base64"
    ),
    comparison_type: option(Schema.Literal("differences", "similarities", "both"), "What to look for", "differences"),
    detail
  }),
  asks: ({ comparison_type = "differences", images }) => ({
    images,
    prompt: `Compare these ${images.length} images: ${comparisons[comparison_type] ?? ""}. Refer to them by number, in the order given.`
  })
})

export const extractText = canned({
  name: "extract_text_from_image",
  title: "Read the text in an image",
  description: "A local vision model writes out the text in an image, such as a scan or a screenshot.",
  input: Schema.Struct({ image, detail }),
  asks: ({ image }) => ({
    images: [image],
    prompt:
      "Write out all text in this image exactly as it stands there, keeping its order and layout. Add nothing. If there is no text, say so."
  })
})

export const identifyObjects = canned({
  name: "identify_objects",
  title: "List what is in an image",
  description: "A local vision model lists the objects in an image and where they are.",
  input: Schema.Struct({ image, detail }),
  asks: ({ image }) => ({
    images: [image],
    prompt: "List the objects in this image, each with its name, where in the image it is, and a short description."
  })
})

export const answerAbout = canned({
  name: "answer_about_image",
  title: "Answer about an image",
  description: "A local vision model answers a question about one image.",
  input: Schema.Struct({ image, question: Schema.NonEmptyString, detail }),
  asks: ({ image, question }) => ({
    images: [image],
    prompt: `Answer this question about the image. If the image does not show it, say so.\n\n${question}`
  })
})

type Needs = Images | LmStudioApi | ModelLifecycle | Settings

export const tools: ReadonlyArray<Tool.Tool<Needs>> = [
  visionAnalyze,
  analyzeImage,
  describeImage,
  compareImages,
  extractText,
  identifyObjects,
  answerAbout
]

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Look {
  readonly images: ReadonlyArray<string>
  readonly prompt: string
  readonly model?: string | undefined
  readonly max_tokens?: number | "auto" | undefined
}

/** Loads the images before the model, so that a bad image costs no model load. */
const look = Effect.fnUntraced(function* (asked: Look, progress: Tool.Progress) {
  const images = yield* Images
  const loaded = yield* Effect.forEach(asked.images, images.load, { concurrency: 4 })
  const lifecycle = yield* ModelLifecycle
  const key = yield* ModelName.isAuto(asked.model)
    ? lifecycle.resolve(asked.model, "vision")
    : ModelFit.find("vision", asked.model)
  return yield* lifecycle.withModel(key, { onProgress: loadProgress(progress) })((lease) =>
    ask(lease, { prompt: asked.prompt, max_tokens: asked.max_tokens ?? 2048 }, progress, loaded)
  )
})
