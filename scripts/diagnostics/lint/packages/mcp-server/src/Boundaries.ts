// Planted imports that mcp-server may not have.
// expect: no-restricted-imports
import { NodeContext } from "@effect/platform-node"
// expect: no-restricted-imports
import * as Command from "@effect/cli/Command"
// expect: no-restricted-imports
import * as Cli from "@lms-bridge/cli/Cli"
// expect: no-restricted-imports
import * as FakeHttp from "@lms-bridge/testing/FakeHttp"
import * as AgentLoop from "@lms-bridge/core/agent/AgentLoop"
import { Server } from "@modelcontextprotocol/sdk/server/index.js"

export const all = [NodeContext, Command, Cli, FakeHttp, AgentLoop, Server]
