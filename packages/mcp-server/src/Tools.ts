/**
 * All tools, as data that can be read without any service.
 */
import type { Services } from "@lms-bridge/core/Bridge"
import type { Settings } from "@lms-bridge/core/configuration/Settings"
import * as AgentTools from "./AgentTools.ts"
import * as HealthTools from "./HealthTools.ts"
import * as InferenceTools from "./InferenceTools.ts"
import * as McpTools from "./McpTools.ts"
import * as ModelTools from "./ModelTools.ts"
import type { Runs } from "./Runs.ts"
import * as RunTools from "./RunTools.ts"
import type { Tool } from "./Tool.ts"

/** The order is the one in which a person would look for them. */
export const allTools: ReadonlyArray<Tool<Services | Settings | Runs>> = [
  ...AgentTools.tools,
  ...RunTools.tools,
  ...McpTools.tools,
  ...InferenceTools.tools,
  ...ModelTools.tools,
  ...HealthTools.tools
]
