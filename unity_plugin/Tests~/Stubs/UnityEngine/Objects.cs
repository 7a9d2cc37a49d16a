using System;
using System.Collections.Generic;
using System.Reflection;

namespace UnityEngine
{
    [Flags]
    public enum HideFlags
    {
        None = 0,
        HideAndDontSave = 61,
    }

    public class Object
    {
        private bool _isDestroyed;

        public string name { get; set; } = "";
        public HideFlags hideFlags { get; set; }

        public static void Destroy(Object target) { DestroyImmediate(target); }

        public static void DestroyImmediate(Object target)
        {
            if (target == null) return;
            target.OnDestroyed();
            target._isDestroyed = true;
        }

        public static implicit operator bool(Object target) { return !IsMissing(target); }
        public static bool operator ==(Object a, Object b) { return IsMissing(a) ? IsMissing(b) : ReferenceEquals(a, b); }
        public static bool operator !=(Object a, Object b) { return !(a == b); }
        public override bool Equals(object other) { return ReferenceEquals(this, other); }
        public override int GetHashCode() { return base.GetHashCode(); }

        private static bool IsMissing(Object target)
        {
            return ReferenceEquals(target, null) || target._isDestroyed;
        }

        internal virtual void OnDestroyed() { }
    }

    public class Component : Object
    {
        public GameObject gameObject { get; internal set; }
        public Transform transform => gameObject.transform;

        public T GetComponent<T>() where T : class { return gameObject.GetComponent<T>(); }
        public T[] GetComponentsInChildren<T>() where T : class { return gameObject.GetComponentsInChildren<T>(); }

        internal override void OnDestroyed() { gameObject.Components.Remove(this); }
    }

    public class Behaviour : Component
    {
        private bool _isEnabled = true;

        public bool enabled
        {
            get { return _isEnabled; }
            set
            {
                if (_isEnabled == value) return;
                _isEnabled = value;
                OnEnabledChanged();
            }
        }

        public bool isActiveAndEnabled => enabled && gameObject.activeInHierarchy;

        internal virtual void OnEnabledChanged() { }
    }

    public class MonoBehaviour : Behaviour
    {
        private bool _isAwake;
        private bool _isRunning;
        private bool _isStarted;

        internal override void OnEnabledChanged() { Settle(); }

        internal override void OnDestroyed()
        {
            if (_isRunning) Run(false);
            Call("OnDestroy");
            Stubs.Engine.Behaviours.Remove(this);
            base.OnDestroyed();
        }

        // Not in Unity: what its player loop does to a behaviour.

        internal void Settle()
        {
            if (!_isAwake && gameObject.activeInHierarchy)
            {
                _isAwake = true;
                Call("Awake");
            }
            if (_isAwake && _isRunning != isActiveAndEnabled) Run(isActiveAndEnabled);
        }

        internal void Tick(string message)
        {
            if (!_isRunning) return;
            if (!_isStarted)
            {
                _isStarted = true;
                Call("Start");
            }
            Call(message);
        }

        private void Run(bool isOn)
        {
            _isRunning = isOn;
            Call(isOn ? "OnEnable" : "OnDisable");
        }

        private void Call(string message)
        {
            const BindingFlags any = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;
            MethodInfo method = GetType().GetMethod(message, any, null, Type.EmptyTypes, null);
            if (method != null) ((Action)Delegate.CreateDelegate(typeof(Action), this, method))();
        }
    }

    public enum PrimitiveType
    {
        Quad = 5,
    }

    public sealed class GameObject : Object
    {
        private bool _isActive = true;

        internal readonly List<Component> Components = new List<Component>();

        public GameObject(string name)
        {
            this.name = name;
            transform = new Transform { gameObject = this };
            Components.Add(transform);
        }

        public Transform transform { get; private set; }
        public bool activeInHierarchy => _isActive && (transform.parent == null || transform.parent.gameObject.activeInHierarchy);

        public static GameObject CreatePrimitive(PrimitiveType type)
        {
            var created = new GameObject(type.ToString());
            created.AddComponent<MeshRenderer>();
            created.AddComponent<MeshCollider>();
            return created;
        }

        public void SetActive(bool isActive)
        {
            _isActive = isActive;
            foreach (MonoBehaviour each in GetComponentsInChildren<MonoBehaviour>()) each.Settle();
        }

        public T AddComponent<T>() where T : Component, new()
        {
            foreach (RequireComponent required in typeof(T).GetCustomAttributes(typeof(RequireComponent), true))
            {
                if (Find(required.Type) == null) Add((Component)Activator.CreateInstance(required.Type));
            }
            return (T)Add(new T());
        }

        public T GetComponent<T>() where T : class { return Find(typeof(T)) as T; }

        public T[] GetComponentsInChildren<T>() where T : class
        {
            var found = new List<T>();
            foreach (Component each in Components)
            {
                if (each is T match) found.Add(match);
            }
            foreach (Transform child in transform.Children) found.AddRange(child.gameObject.GetComponentsInChildren<T>());
            return found.ToArray();
        }

        internal override void OnDestroyed()
        {
            foreach (Transform child in transform.Children.ToArray()) DestroyImmediate(child.gameObject);
            foreach (Component each in Components.ToArray()) DestroyImmediate(each);
        }

        private Component Find(Type type) { return Components.Find(each => type.IsInstanceOfType(each)); }

        private Component Add(Component component)
        {
            component.gameObject = this;
            Components.Add(component);
            if (component is MonoBehaviour behaviour)
            {
                Stubs.Engine.Behaviours.Add(behaviour);
                behaviour.Settle();
            }
            return component;
        }
    }

    public sealed class Transform : Component
    {
        private Transform _parent;

        internal readonly List<Transform> Children = new List<Transform>();

        public Transform parent => _parent;
        public Vector3 localPosition { get; set; }
        public Quaternion localRotation { get; set; } = Quaternion.identity;
        public Vector3 localScale { get; set; } = Vector3.one;

        public Vector3 position
        {
            get { return _parent == null ? localPosition : _parent.position + _parent.rotation * localPosition; }
            set { localPosition = _parent == null ? value : Quaternion.Inverse(_parent.rotation) * (value - _parent.position); }
        }

        public Quaternion rotation
        {
            get { return _parent == null ? localRotation : _parent.rotation * localRotation; }
            set { localRotation = _parent == null ? value : Quaternion.Inverse(_parent.rotation) * value; }
        }

        public Vector3 forward => rotation * Vector3.forward;
        public Vector3 right => rotation * Vector3.right;
        public Vector3 up => rotation * Vector3.up;

        public void SetParent(Transform parent, bool worldPositionStays)
        {
            if (worldPositionStays) throw new NotSupportedException("the stub keeps local values: pass false");
            if (_parent != null) _parent.Children.Remove(this);
            _parent = parent;
            if (parent != null) parent.Children.Add(this);
        }
    }

    public class MeshCollider : Component { }
}
