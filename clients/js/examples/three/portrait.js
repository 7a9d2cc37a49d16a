/** The portrait as a texture with straight alpha on a plane. */

import * as THREE from "three";

export class PortraitPlane {
  /** @param {number} height in units of the scene; the width follows the picture */
  constructor(height) {
    this.height = height;
    this.material = new THREE.MeshBasicMaterial({ transparent: true, toneMapped: false, depthWrite: false });
    this.mesh = new THREE.Mesh(new THREE.PlaneGeometry(1, 1), this.material);
    this.mesh.visible = false;
  }

  /** Shows this picture. @param {import("../../src/browser.js").PagePicture} picture */
  show({ width, height, pixels }) {
    const old = this.material.map;
    if (!old || old.image.width !== width || old.image.height !== height) {
      old?.dispose();
      const texture = new THREE.DataTexture(pixels, width, height);
      texture.colorSpace = THREE.SRGBColorSpace; // the bytes are sRGB
      texture.flipY = true; // the first row is on top
      texture.magFilter = texture.minFilter = THREE.LinearFilter;
      this.material.map = texture;
      this.material.needsUpdate = true;
      this.mesh.scale.set((this.height * width) / height, this.height, 1);
    }
    this.material.map.image.data = pixels;
    this.material.map.needsUpdate = true;
  }
}
