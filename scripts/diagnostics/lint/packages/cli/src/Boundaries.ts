// The command line may import every package, but no barrel.
// expect: no-restricted-imports
import { Command } from "@effect/cli"
import * as AgentLoop from "@lms-bridge/core/agent/AgentLoop"
import * as Server from "@lms-bridge/mcp-server/protocol/Server"
import * as Simulator from "@lms-bridge/testing/Simulator"

export const all = [Command, AgentLoop, Server, Simulator]
