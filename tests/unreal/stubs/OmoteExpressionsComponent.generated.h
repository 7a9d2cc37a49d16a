// Unreal's header tool writes this.
