// The command line may import every package that ships, but no barrel, and the platform by way of node.
// expect: no-restricted-imports
import { Command } from "@effect/cli"
// expect: no-restricted-imports
import * as NodeContext from "@effect/platform-node/NodeContext"
// expect: no-restricted-imports
import * as FakeHttp from "@lms-bridge/testing/FakeHttp"
import * as AgentLoop from "@lms-bridge/core/AgentLoop"
import * as Server from "@lms-bridge/mcp-server/Server"
import * as NodePlatform from "@lms-bridge/node/NodePlatform"
import * as Simulator from "@lms-bridge/simulator/Simulator"

export const all = [Command, NodeContext, FakeHttp, AgentLoop, Server, NodePlatform, Simulator]
