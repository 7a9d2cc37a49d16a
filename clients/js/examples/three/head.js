/** A head that follows a face: a VRM model by its expressions, any other glTF by its ARKit shapes. */

import * as THREE from "three";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
import { VRMLoaderPlugin, VRMUtils } from "@pixiv/three-vrm";

import { ARKIT_NAMES, matchShapes, quaternionOf, vrmPresets } from "../../src/face.js";

const HEAD_BONE = /(^|[:_ ])head$/i;
const PRESETS = Object.keys(vrmPresets(new Array(52).fill(0)));

/** @typedef {VrmHead | GltfHead} Head */
/** @typedef {import("../../src/browser.js").PageFace} Face */

/** @param {string} address of a .vrm, .glb or .gltf file @returns {Promise<Head>} */
export async function openHead(address) {
  const loader = new GLTFLoader();
  loader.register((parser) => new VRMLoaderPlugin(parser));
  const gltf = await loader.loadAsync(address);
  return gltf.userData.vrm ? new VrmHead(gltf.userData.vrm) : new GltfHead(gltf.scene);
}

/** Puts `object` there, so high that `height` units around `centre` are seen, in its own units. */
function placed(object, scene, at, height, centre, size) {
  const frame = new THREE.Group();
  frame.scale.setScalar(height / size);
  frame.position.copy(at).addScaledVector(centre, -height / size);
  frame.add(object);
  scene.add(frame);
}

export class VrmHead {
  /** @param {import("@pixiv/three-vrm").VRM} vrm */
  constructor(vrm) {
    this.vrm = vrm;
    this.isOld = vrm.meta?.metaVersion === "0";
    VRMUtils.rotateVRM0(vrm); // both versions then look along +z
    // The 52 as custom expressions where the model has them, in any spelling, else VRM's presets.
    const names = vrm.expressionManager?.expressions.map((one) => one.expressionName) ?? [];
    this.custom = matchShapes(names);
    this.hasCustom = this.custom.size >= ARKIT_NAMES.length / 2;
  }

  place(scene, at, height) {
    const bone = this.vrm.humanoid.getRawBoneNode("head");
    this.vrm.scene.updateMatrixWorld(true);
    const centre = bone.getWorldPosition(new THREE.Vector3()).add(new THREE.Vector3(0, 0.1, 0));
    placed(this.vrm.scene, scene, at, height, centre, 0.4);
  }

  /** @param {Face} face */
  follow(face) {
    const expressions = this.vrm.expressionManager;
    if (this.hasCustom) {
      for (const name of PRESETS) expressions?.setValue(name, 0);
      for (const [name, index] of this.custom) expressions?.setValue(name, face.shown_weights[index]);
    } else {
      for (const [name, value] of Object.entries(vrmPresets(face.shown_weights))) expressions?.setValue(name, value);
    }
    const [x, y, z, w] = quaternionOf(face.neck_pose);
    const side = this.isOld ? -1 : 1; // a VRM 0 model looks along -z in its own frame
    this.vrm.humanoid.getNormalizedBoneNode("head")?.quaternion.set(side * x, y, side * z, w);
    const lookAt = this.vrm.lookAt;
    if (!lookAt || this.hasCustom) return; // the eyes turn by their shapes
    lookAt.autoUpdate = false;
    lookAt.pitch = THREE.MathUtils.radToDeg((face.eye_pose[0] + face.eye_pose[3]) / 2);
    lookAt.yaw = THREE.MathUtils.radToDeg((face.eye_pose[1] + face.eye_pose[4]) / 2);
  }

  /** @param {number} delta seconds */
  update(delta) {
    this.vrm.update(delta);
  }
}

export class GltfHead {
  /** @param {THREE.Object3D} root */
  constructor(root) {
    this.root = root;
    /** @type {{ mesh: THREE.Mesh, shapes: [number, number][] }[]} */
    this.targets = [];
    /** @type {THREE.Object3D | null} */
    this.bone = null;
    root.traverse((one) => {
      if (one.morphTargetDictionary) {
        const found = matchShapes(Object.keys(one.morphTargetDictionary));
        this.targets.push({ mesh: one, shapes: [...found].map(([name, index]) => [one.morphTargetDictionary[name], index]) });
      }
      if (one.isBone && HEAD_BONE.test(one.name)) this.bone ??= one;
    });
    this.rest = this.bone?.quaternion.clone();
  }

  place(scene, at, height) {
    if (this.bone) {
      this.root.updateMatrixWorld(true);
      const centre = this.bone.getWorldPosition(new THREE.Vector3()).add(new THREE.Vector3(0, 0.03, 0));
      placed(this.root, scene, at, height, centre, 0.3); // metres, as glTF has them
      return;
    }
    const box = new THREE.Box3();
    for (const { mesh } of this.targets) box.union(mesh.geometry.boundingBox ?? (mesh.geometry.computeBoundingBox(), mesh.geometry.boundingBox));
    placed(this.root, scene, at, height, box.getCenter(new THREE.Vector3()), box.getSize(new THREE.Vector3()).y);
  }

  /** @param {Face} face */
  follow(face) {
    for (const { mesh, shapes } of this.targets) {
      for (const [target, index] of shapes) mesh.morphTargetInfluences[target] = face.shown_weights[index];
    }
    if (!this.bone || !this.rest) return;
    // Turned about the axes of the scene, whatever the bone's own are.
    const turn = new THREE.Quaternion(...quaternionOf(face.neck_pose));
    const parent = this.bone.parent.getWorldQuaternion(new THREE.Quaternion());
    this.bone.quaternion.copy(parent.clone().invert().multiply(turn).multiply(parent).multiply(this.rest));
  }

  update() {}
}
