// Planted imports that mcp-server may not have.
// expect: no-restricted-imports
import * as NodeContext from "@effect/platform-node/NodeContext"
// expect: no-restricted-imports
import * as Command from "@effect/cli/Command"
// expect: no-restricted-imports
import * as Cli from "lms-bridge/Cli"
// expect: no-restricted-imports
import * as FakeHttp from "@lms-bridge/testing/FakeHttp"
// expect: no-restricted-imports
import * as Simulator from "@lms-bridge/simulator/Simulator"
import * as AgentLoop from "@lms-bridge/core/AgentLoop"
import * as NodePlatform from "@lms-bridge/node/NodePlatform"
import { Server } from "@modelcontextprotocol/server"

export const all = [NodeContext, Command, Cli, FakeHttp, Simulator, AgentLoop, NodePlatform, Server]
