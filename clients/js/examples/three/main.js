/**
 * The portrait on a plane with its alpha, and beside it a VRM or glTF head that follows the same face.
 *
 * The address names both: index.html#page=ADDRESS_OF_THE_CLEAN_PAGE&head=FILE.vrm (encoded). What stands behind the #
 * is not sent to the server of this page.
 */

import * as THREE from "three";

import { connect } from "../../src/browser.js";
import { openHead } from "./head.js";
import { PortraitPlane } from "./portrait.js";

const options = new URLSearchParams(location.hash.slice(1));
const says = document.getElementById("says");

const renderer = new THREE.WebGLRenderer({ antialias: true });
renderer.setPixelRatio(devicePixelRatio);
document.body.append(renderer.domElement);

const scene = new THREE.Scene();
scene.background = new THREE.Color(0x20242b);
const camera = new THREE.PerspectiveCamera(25, 1, 0.05, 20);
camera.position.set(0, 0, 2.2);
const sun = new THREE.DirectionalLight(0xffffff, 2);
sun.position.set(0.5, 1, 2);
scene.add(sun, new THREE.AmbientLight(0xffffff, 1));

// A checkered wall behind both, which shows the alpha of the portrait.
const wall = new THREE.Mesh(new THREE.PlaneGeometry(8, 4), new THREE.MeshBasicMaterial({ map: checkers() }));
wall.position.z = -0.6;
scene.add(wall);

const portrait = new PortraitPlane(0.8);
portrait.mesh.position.x = -0.45;
scene.add(portrait.mesh);

/** @type {import("./head.js").Head | null} */
let head = null;
if (options.get("head")) {
  openHead(options.get("head")).then((opened) => {
    head = opened;
    head.place(scene, new THREE.Vector3(0.45, 0.03, 0), 0.7); // as large as the portrait's
    globalThis.omote.head = head;
  }, (error) => {
    says.textContent = `The head cannot be loaded: ${error.message}`;
  });
}

// What a test or the console looks at.
globalThis.omote = { THREE, camera, portrait, head, pictures: 0, faces: 0, face: null };

connect(options.get("page") ?? "", {
  onPicture(picture) {
    portrait.show(picture);
    globalThis.omote.pictures += 1;
    says.textContent = `picture ${picture.index}, ${(Date.now() - picture.capturedMs).toFixed(0)} ms old`;
  },
  onFace(face) {
    head?.follow(face);
    globalThis.omote.faces += 1;
    globalThis.omote.face = face;
  },
  onConnection(isConnected) {
    portrait.mesh.visible = isConnected;
    if (!isConnected) says.textContent = "Not connected: does Omote run, with --page-origin " + location.origin + "?";
  },
});

function resize() {
  renderer.setSize(innerWidth, innerHeight);
  camera.aspect = innerWidth / innerHeight;
  camera.updateProjectionMatrix();
}

function checkers() {
  const texture = new THREE.DataTexture(new Uint8Array([70, 74, 82, 255, 88, 92, 102, 255, 88, 92, 102, 255, 70, 74, 82, 255]), 2, 2);
  texture.colorSpace = THREE.SRGBColorSpace;
  texture.wrapS = texture.wrapT = THREE.RepeatWrapping;
  texture.repeat.set(32, 16);
  texture.needsUpdate = true;
  return texture;
}

addEventListener("resize", resize);
resize();
const clock = new THREE.Clock();
renderer.setAnimationLoop(() => {
  head?.update(clock.getDelta());
  renderer.render(scene, camera);
});
