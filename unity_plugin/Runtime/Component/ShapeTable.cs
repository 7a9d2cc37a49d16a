using System.Collections.Generic;

namespace Omote
{
    /// <summary>The blend shapes of known kinds of characters whose names are not ARKit's, and what moves each.</summary>
    /// <remarks>
    /// An entry is SHAPE=SOURCE; @ stands for L and Left, then for R and Right. A source is an ARKit weight or a preset of VRM. Microsoft
    /// Rocketbox needs no table: its `AK_` shapes carry ARKit's names, and its `AU_` and `AA_VI_` shapes repeat the same movements.
    /// </remarks>
    internal sealed class ShapeTable
    {
        private const int FewestShapes = 3;

        private const string Vroid = "Fcl_MTH_A=aa Fcl_MTH_I=ih Fcl_MTH_U=ou Fcl_MTH_E=ee Fcl_MTH_O=oh Fcl_EYE_Close_@=eyeBlink@ "
            + "Fcl_MTH_Fun=mouthSmileLeft Fcl_BRW_Angry=angry Fcl_BRW_Sorrow=sad Fcl_BRW_Surprised=browInnerUp";

        private const string Vrm = "aa=aa ih=ih ou=ou ee=ee oh=oh A=aa I=ih U=ou E=ee O=oh Blink=blink Blink_@=blink@ "
            + "Joy=happy Happy=happy Fun=relaxed Relaxed=relaxed Angry=angry Sorrow=sad Sad=sad";

        // Character Creator 3 Plus and 4, "ExPlus" and "Extended" profiles.
        private const string Reallusion = "Eye_Blink_@=eyeBlink@ Eye_Squint_@=eyeSquint@ Eye_Wide_@=eyeWide@ "
            + "Eye_@_Look_Down=eyeLookDown@ Eye_@_Look_Up=eyeLookUp@ "
            + "Eye_L_Look_L=eyeLookOutLeft Eye_L_Look_R=eyeLookInLeft Eye_R_Look_L=eyeLookInRight Eye_R_Look_R=eyeLookOutRight "
            + "Jaw_Forward=jawForward Jaw_L=jawLeft Jaw_R=jawRight Jaw_Open=jawOpen Mouth_Close=mouthClose "
            + "Mouth_Funnel=mouthFunnel Mouth_Funnel_Up_@=mouthFunnel Mouth_Funnel_Down_@=mouthFunnel "
            + "Mouth_Pucker=mouthPucker Mouth_Pucker_Up_@=mouthPucker Mouth_Pucker_Down_@=mouthPucker "
            + "Mouth_L=mouthLeft Mouth_R=mouthRight Mouth_Smile_@=mouthSmile@ Mouth_Frown_@=mouthFrown@ "
            + "Mouth_Dimple_@=mouthDimple@ Mouth_Stretch_@=mouthStretch@ "
            + "Mouth_Roll_In_Lower=mouthRollLower Mouth_Roll_In_Lower_@=mouthRollLower "
            + "Mouth_Roll_In_Upper=mouthRollUpper Mouth_Roll_In_Upper_@=mouthRollUpper "
            + "Mouth_Shrug_Lower=mouthShrugLower Mouth_Shrug_Upper=mouthShrugUpper Mouth_Press_@=mouthPress@ "
            + "Mouth_Down_Lower_@=mouthLowerDown@ Mouth_Up_Upper_@=mouthUpperUp@ Brow_Drop_@=browDown@ "
            + "Brow_Raise_Inner_@=browInnerUp Brow_Raise_Outer_@=browOuterUp@ Cheek_Puff_@=cheekPuff "
            + "Cheek_Raise_@=cheekSquint@ Nose_Sneer_@=noseSneer@ Tongue_Out=tongueOut";

        // The curves of MetaHuman's rig, where an export keeps them as blend shapes.
        private const string MetaHuman = "CTRL_expressions_eyeBlink@=eyeBlink@ CTRL_expressions_eyeSquintInner@=eyeSquint@ "
            + "CTRL_expressions_eyeWiden@=eyeWide@ CTRL_expressions_eyeLookDown@=eyeLookDown@ CTRL_expressions_eyeLookUp@=eyeLookUp@ "
            + "CTRL_expressions_eyeLookLeftL=eyeLookOutLeft CTRL_expressions_eyeLookRightL=eyeLookInLeft "
            + "CTRL_expressions_eyeLookLeftR=eyeLookInRight CTRL_expressions_eyeLookRightR=eyeLookOutRight "
            + "CTRL_expressions_jawFwd=jawForward CTRL_expressions_jawLeft=jawLeft CTRL_expressions_jawRight=jawRight "
            + "CTRL_expressions_jawOpen=jawOpen CTRL_expressions_mouthLipsTogetherU@=mouthClose CTRL_expressions_mouthLipsTogetherD@=mouthClose "
            + "CTRL_expressions_mouthFunnelU@=mouthFunnel CTRL_expressions_mouthFunnelD@=mouthFunnel "
            + "CTRL_expressions_mouthLipsPurseU@=mouthPucker CTRL_expressions_mouthLipsPurseD@=mouthPucker "
            + "CTRL_expressions_mouthLeft=mouthLeft CTRL_expressions_mouthRight=mouthRight "
            + "CTRL_expressions_mouthCornerPull@=mouthSmile@ CTRL_expressions_mouthCornerDepress@=mouthFrown@ "
            + "CTRL_expressions_mouthDimple@=mouthDimple@ CTRL_expressions_mouthStretch@=mouthStretch@ "
            + "CTRL_expressions_mouthLowerLipRollIn@=mouthRollLower CTRL_expressions_mouthUpperLipRollIn@=mouthRollUpper "
            + "CTRL_expressions_jawChinRaiseD@=mouthShrugLower CTRL_expressions_jawChinRaiseU@=mouthShrugUpper "
            + "CTRL_expressions_mouthPressU@=mouthPress@ CTRL_expressions_mouthPressD@=mouthPress@ "
            + "CTRL_expressions_mouthLowerLipDepress@=mouthLowerDown@ CTRL_expressions_mouthUpperLipRaise@=mouthUpperUp@ "
            + "CTRL_expressions_browDown@=browDown@ CTRL_expressions_browRaiseIn@=browInnerUp CTRL_expressions_browRaiseOuter@=browOuterUp@ "
            + "CTRL_expressions_mouthCheekBlow@=cheekPuff CTRL_expressions_eyeCheekRaise@=cheekSquint@ "
            + "CTRL_expressions_noseWrinkle@=noseSneer@ CTRL_expressions_tongueOut=tongueOut";

        private static readonly ShapeTable[] _all =
        {
            new ShapeTable("VRoid", Vroid), new ShapeTable("Reallusion", Reallusion), new ShapeTable("MetaHuman", MetaHuman),
            new ShapeTable("VRM presets", Vrm),
        };

        private readonly Dictionary<string, string> _sources = new Dictionary<string, string>();

        private ShapeTable(string name, string entries)
        {
            Name = name;
            foreach (string entry in entries.Split(' '))
            {
                string[] sides = entry.IndexOf('@') < 0 ? new[] { "" } : new[] { "Left", "Right" };
                foreach (string side in sides)
                {
                    string[] both = entry.Split('=');
                    string shape = side == "" ? both[0] : both[0].Replace("@", side.Substring(0, 1));
                    _sources[ShapeNames.Letters(shape)] = both[1].Replace("@", side);
                }
            }
        }

        public string Name { get; }

        /// <summary>The table that finds the most movements in these shapes; null where ARKit's names find as many.</summary>
        public static ShapeTable Find(IReadOnlyList<string> shapes, int arkitFound)
        {
            ShapeTable best = null;
            int most = System.Math.Max(arkitFound, FewestShapes - 1);
            foreach (ShapeTable each in _all)
            {
                int found = each.Count(shapes);
                if (found <= most) continue;
                most = found;
                best = each;
            }
            return best;
        }

        /// <summary>What moves this shape; null where nothing does.</summary>
        public string SourceOf(string shape)
        {
            foreach (string ending in ShapeNames.Endings(shape))
                if (_sources.TryGetValue(ending, out string source)) return source;
            return null;
        }

        private int Count(IReadOnlyList<string> shapes)
        {
            var found = new HashSet<string>();
            foreach (string shape in shapes)
            {
                string source = SourceOf(shape);
                if (source != null) found.Add(source);
            }
            return found.Count;
        }
    }
}
