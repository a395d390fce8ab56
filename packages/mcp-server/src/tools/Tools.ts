/**
 * All tools as data, and the toolsets in which they are offered.
 */
import type { Services } from "@lms-bridge/core/Bridge"
import type { Settings } from "@lms-bridge/core/Settings"
import * as AgentTools from "./AgentTools.ts"
import * as HealthTools from "./HealthTools.ts"
import * as InferenceTools from "./InferenceTools.ts"
import * as LibraryTools from "./LibraryTools.ts"
import * as McpTools from "./McpTools.ts"
import * as ModelTools from "./ModelTools.ts"
import * as PresetTools from "./PresetTools.ts"
import type { Runs } from "../runs/Runs.ts"
import * as RunTools from "./RunTools.ts"
import * as SessionTools from "./SessionTools.ts"
import * as TextTools from "./TextTools.ts"
import type { Tool } from "./Tool.ts"
import * as VisionTools from "./VisionTools.ts"

export type AnyTool = Tool<Services | Settings | Runs>

const agent: ReadonlyArray<AnyTool> = [...AgentTools.tools, ...PresetTools.tools, ...SessionTools.tools]

const inference: ReadonlyArray<AnyTool> = [...InferenceTools.tools, ...TextTools.tools, VisionTools.visionAnalyze]

/** Each asks one fixed question about an image, which `vision_analyze` can answer as well. */
const canned: ReadonlyArray<AnyTool> = VisionTools.tools.filter((tool) => tool !== VisionTools.visionAnalyze)

const runs: ReadonlyArray<AnyTool> = RunTools.tools

const models: ReadonlyArray<AnyTool> = [...ModelTools.tools, ...LibraryTools.tools]

/** In the order in which a person would look for them. */
export const allTools: ReadonlyArray<AnyTool> = [
  ...agent,
  ...runs,
  ...McpTools.tools,
  ...inference,
  ...canned,
  ...models,
  ...HealthTools.tools
]

/** A task that a client cannot wait for goes on, and this has its answer. */
const compat: ReadonlyArray<AnyTool> = allTools.filter((tool) => !runs.includes(tool) || tool === RunTools.result)

/** The sets of LMS_BRIDGE_TOOLSETS. `compat` has the predecessor's tools; the list of `all` fits in 24 KB. */
export const toolsets: Readonly<Record<string, ReadonlyArray<AnyTool>>> = {
  all: allTools.filter((tool) => !canned.includes(tool)),
  lean: [AgentTools.withMultipleMcps, McpTools.listAvailable, InferenceTools.chatCompletion, RunTools.result],
  agent: [...agent, ...McpTools.tools, RunTools.result],
  runs,
  models: [...models, ...HealthTools.tools],
  inference,
  vision: VisionTools.tools,
  compat
}

/** The tools of these sets, without duplicates, in the order of `allTools`. */
export const chosen = (names: ReadonlyArray<string>): ReadonlyArray<AnyTool> => {
  const wanted = new Set(names.flatMap((name) => toolsets[name] ?? []))
  return allTools.filter((tool) => wanted.has(tool))
}

/** Whether `tools/list` has output schemas: the small set has none. */
export const describesOutput = (names: ReadonlyArray<string>): boolean => names.some((name) => name !== "lean")
