// The control page. Each module handles its own elements.

import { startCalibration } from "./calibration.js";
import { startCharacters } from "./characters.js";
import { startCommands } from "./commands.js";
import { startExpressions } from "./expressions.js";
import { startFace } from "./face.js";
import { startHotkeyEditor } from "./hotkey_editor.js";
import { startHotkeys } from "./hotkeys.js";
import { startLatency } from "./latency.js";
import { startLight } from "./light.js";
import { startLink } from "./link.js";
import { startMaker } from "./maker.js";
import { startOutputs } from "./outputs.js";
import { startRecording } from "./recording.js";
import { startSource } from "./source.js";
import { startStage } from "./stage.js";
import { connect } from "./state.js";
import { startTabs } from "./tabs.js";
import { startTuning } from "./tuning.js";

startTabs();
startLink();
startStage();
startSource();
startRecording();
startCommands();
startCharacters();
startMaker();
startExpressions();
startHotkeys();
startHotkeyEditor();
startTuning();
startLight();
startCalibration();
startFace();
startLatency();
startOutputs();
connect();
