// Planted imports that testing may not have.
// expect: no-restricted-imports
import * as Command from "@effect/cli/Command"
// expect: no-restricted-imports
import * as Server from "@lms-bridge/mcp-server/protocol/Server"
// expect: no-restricted-imports
import * as Cli from "@lms-bridge/cli/Cli"
import * as AgentLoop from "@lms-bridge/core/agent/AgentLoop"
import * as http from "node:http"

export const all = [Command, Server, Cli, AgentLoop, http]
