// Planted imports that testing may not have.
// expect: no-restricted-imports
import * as Command from "@effect/cli/Command"
// expect: no-restricted-imports
import * as NodeContext from "@effect/platform-node/NodeContext"
// expect: no-restricted-imports
import * as NodePlatform from "@lms-bridge/node/NodePlatform"
// expect: no-restricted-imports
import * as Simulator from "@lms-bridge/simulator/Simulator"
// expect: no-restricted-imports
import * as Server from "@lms-bridge/mcp-server/Server"
// expect: no-restricted-imports
import * as Cli from "lms-bridge/Cli"
import * as AgentLoop from "@lms-bridge/core/AgentLoop"
import * as http from "node:http"

export const all = [Command, NodeContext, NodePlatform, Simulator, Server, Cli, AgentLoop, http]
